"""The lowest versions that setup.cfg states, as constraints for pip.

    python tests/lowest.py > constraints.txt
"""

import configparser
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]


def requirements():
    """[(extra or "", name, lowest version)] in the order of setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    groups = {"": parser["options"]["install_requires"], **parser["options.extras_require"]}
    return [(extra, *found) for extra, text in groups.items()
            for found in re.findall(r"^([A-Za-z][\w.-]*)>=([\w.]+)", text, re.MULTILINE)]


if __name__ == "__main__":
    print("\n".join(sorted({f"{name}=={version}" for _, name, version in requirements()})))
