"""What a browser would ask the network for when it opens a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

LOADED = ("src", "srcset", "data", "poster", "background", "xlink:href")
LINKS = ("link", "image", "use", "base", "script")


class Tags(HTMLParser):
    """Collects tags with their attributes, and the text of styles and scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.styles, self.scripts, self.inside = "", "", ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.inside = tag
        self.styles += "".join(f" {value}" for name, value in attrs if name == "style")

    def handle_data(self, data: str) -> None:
        if self.inside == "style":
            self.styles += data
        if self.inside == "script":
            self.scripts += data

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def fetched(page: str) -> list[str]:
    """Everything a browser would ask for without a click: sources, links, imports and url() of styles, addresses in scripts."""
    tags = Tags(page)
    found = [value for tag, attributes in tags.found for name, value in attributes.items()
             if name in LOADED or (name == "href" and tag in LINKS)]
    styles = re.sub(r"/\*.*?\*/", "", tags.styles, flags=re.S)  # licences in comments name addresses
    found += re.findall(r"@import\s+[\"'(]*([^\"');]+)", styles) + re.findall(r"url\(\s*[\"']?([^\"')]+)", styles)
    found += re.findall(r"https?:[^\s\"'`]+", tags.scripts)
    return [value for value in found if value and not value.startswith(("data:", "#"))]
