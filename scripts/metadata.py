"""CITATION.cff and codemeta.json, made again from what they say a second time: ``make metadata``.

Version: ``ufm.__version__``. Date: the heading of that version in CHANGELOG.md. Requirements, words and license:
pyproject.toml. Title, authors and the paper: CITATION.cff itself, whose other lines stay as they are.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

import ufm

ROOT = Path(__file__).parents[1]


def released(changes: str, version: str) -> str:
    """The date of a version, YYYY-MM-DD, by its heading "## VERSION (DATE)". Raises ValueError if it has none."""
    found = re.search(rf"^## {re.escape(version)} \((\d{{4}}-\d\d-\d\d)\)$", changes, re.MULTILINE)
    if found is None:
        raise ValueError(f"CHANGELOG.md has no heading '## {version} (YYYY-MM-DD)', and this is version {version}")
    return found[1]


def citation(text: str, version: str, date: str) -> str:
    """CITATION.cff with this version and date. Raises ValueError if it has not one line for each."""
    for key, value in {"version": version, "date-released": date}.items():
        text, changed = re.subn(rf"^{key}: .*$", f"{key}: {value}", text, flags=re.MULTILINE)
        if changed != 1:
            raise ValueError(f"CITATION.cff has {changed} lines that begin with '{key}: ', not one")
    return text


def _paper(cited: dict[str, Any]) -> dict[str, Any]:
    people = ((author["given-names"], author["family-names"]) for author in cited["authors"])
    names = [{"@type": "Person", "givenName": given, "familyName": family} for given, family in people]
    volume = {"@type": "PublicationVolume", "name": cited["collection-title"], "volumeNumber": str(cited["volume"])}
    published = {"datePublished": str(cited["year"]), "isPartOf": volume}
    return {"@type": "ScholarlyArticle", "name": cited["title"], "author": names, **published}


def codemeta(project: dict[str, Any], cited: dict[str, Any]) -> dict[str, Any]:
    """CodeMeta 3.0 of a project (the table of pyproject.toml) and its citation (CITATION.cff, read)."""
    return {
        "@context": "https://w3id.org/codemeta/3.0",
        "@type": "SoftwareSourceCode",
        "name": project["name"],
        "alternateName": cited["title"],
        "description": project["description"],
        "version": str(cited["version"]),
        "datePublished": str(cited["date-released"]),
        "license": f"https://spdx.org/licenses/{project['license']}",
        "author": [{"@type": "Organization", "name": author["name"]} for author in project["authors"]],
        "keywords": project["keywords"],
        "programmingLanguage": {"@type": "ComputerLanguage", "name": "Python"},
        "runtimePlatform": f"Python {project['requires-python']}",
        "softwareRequirements": project["dependencies"],
        "referencePublication": [_paper(each) for each in cited["references"]],
    }


def made() -> dict[str, str]:
    """The text of each file, by its name."""
    date = released((ROOT / "CHANGELOG.md").read_text(), ufm.__version__)
    text = citation((ROOT / "CITATION.cff").read_text(), ufm.__version__, date)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    plain = json.dumps(codemeta(project, yaml.safe_load(text)), indent=2, ensure_ascii=False)
    return {"CITATION.cff": text, "codemeta.json": f"{plain}\n"}


if __name__ == "__main__":
    for name, text in made().items():
        (ROOT / name).write_text(text)
