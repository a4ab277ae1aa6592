"""Files as an operator writes them."""

from __future__ import annotations

from pathlib import Path

TAGS = ("en", "ms", "zh-Hans", "ta")


def article_toml(
    slug: str = "sale", title: str = "Sale", *, tags: tuple[str, ...] = TAGS, **entries: str
) -> str:
    """Return an article's tables; entries: TOML values, over kind and from."""
    values = {"slug": f'"{slug}"', "kind": '"offer"', "from": "2026-01-01"} | {
        name.rstrip("_"): value for name, value in entries.items()
    }
    lines = ["[[articles]]", *(f"{name} = {value}" for name, value in values.items())]
    for tag in tags:
        lines += [
            f"[articles.{tag}]",
            f'title = "{title} {tag}"',
            f'summary = "About {title} {tag}"',
            f'body = "Body **{title}** {tag}, [up](/)."',
        ]
    return "\n".join(lines) + "\n"


def answer_toml(
    slug: str = "parking", title: str = "Parking?", *, tags: tuple[str, ...] = TAGS
) -> str:
    """Return an answer's tables."""
    lines = ["[[answers]]", f'slug = "{slug}"']
    for tag in tags:
        lines += [f"[answers.{tag}]", f'title = "{title} {tag}"', f'body = "Yes, {tag}."']
    return "\n".join(lines) + "\n"


def put(folder: Path, *texts: str) -> Path:
    """Write a file of those tables; return its path."""
    path = folder / "texts.toml"
    path.write_text("\n".join(texts), encoding="utf-8")
    return path
