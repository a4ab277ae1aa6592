-- When a second factor was last shown in a session: what opens an account is changed only shortly
-- after. NULL for sessions that began before this was kept.
ALTER TABLE staff_session ADD factor_at timestamptz;
