-- Packages made, changed and taken off sale in the console, beside those of operator.toml. A version
-- is never edited. What has the code is over from `since` on, whichever made it, and this version is
-- sold instead: `terms` is the package whole, as JSON, NULL for one that is taken off sale. A few
-- rows a year: local, not distributed.
CREATE TABLE package_version (
    package_no    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code          text NOT NULL,
    version       integer NOT NULL CONSTRAINT package_version_counts CHECK (version > 0),
    since         timestamptz NOT NULL,
    terms         text,
    approval_id   bigint NOT NULL,
    made_at       timestamptz NOT NULL,
    CONSTRAINT package_version_once UNIQUE (approval_id),
    CONSTRAINT package_versions UNIQUE (code, version)
);
