"""`python -m pcl` says what is there and whether derivatives are right."""
import configparser
import pathlib
import subprocess
import sys

import pytest

from pcl import __main__ as command


def test_the_self_check_passes_and_names_versions(capsys):
    assert command.main([]) == 0
    said = capsys.readouterr().out
    assert "derivative certificate: passed" in said and "tensorflow-probability" in said
    assert "sparse solvers:" in said and "MISSING" not in said


def test_a_failed_certificate_is_exit_code_1(capsys, monkeypatch):
    class Wrong:
        ok = False

    class Problem:
        def certify(self):
            return Wrong()
    monkeypatch.setattr(command, "_example_problem", Problem)
    assert command.main(["check"]) == 1


def test_examples_are_listed_by_their_questions_and_run(capsys):
    assert command.main(["examples"]) == 0
    listed = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert len(listed) > 15 and "conductivity" in listed["pumping_test"]
    with pytest.raises(SystemExit) as end:
        command.main(["examples", "pumping_test", "--help"])
    assert end.value.code == 0 and "usage: pumping_test.py" in capsys.readouterr().out
    assert command.main(["examples", "pumping"]) == 2
    assert "no example 'pumping'" in capsys.readouterr().err


def test_help_loads_nothing_heavy():
    code = ("import sys; from pcl.__main__ import main\n"
            "try: main(['--help'])\n"
            "except SystemExit: pass\n"
            "assert not {'numpy', 'tensorflow', 'scipy'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


def test_the_check_writes_nothing_to_stderr():
    done = subprocess.run([sys.executable, "-m", "pcl"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stderr == ""


def test_without_a_checkout_the_place_of_the_examples_is_said(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(command, "EXAMPLES", tmp_path)
    assert command.main(["examples"]) == 1
    assert "come with the sources, not with a wheel" in capsys.readouterr().err


def test_the_citation_has_what_its_format_requires_and_the_version_of_the_package():
    root = pathlib.Path(command.__file__).parents[1]
    cited = dict(line.split(": ", 1) for line in (root / "CITATION.cff").read_text().splitlines()
                 if ": " in line and not line.startswith(" "))
    about = configparser.ConfigParser()
    about.read(root / "setup.cfg", encoding="utf-8")
    assert cited["cff-version"] == "1.2.0" and {"message", "title", "type"} <= set(cited)
    assert cited["version"] == about["metadata"]["version"]
    assert cited["license"] == about["metadata"]["license"]


def test_solvers_whose_package_is_missing_are_not_listed(capsys, monkeypatch):
    monkeypatch.setattr(command, "_is_there", lambda package: package != "pyamg")
    assert command.main([]) == 0
    listed, = [line for line in capsys.readouterr().out.splitlines() if line.startswith("sparse solvers")]
    assert "superlu" in listed and "amg" not in listed
