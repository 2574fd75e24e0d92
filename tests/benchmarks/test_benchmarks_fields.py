"""The benchmark of fields counts the same work on every mesh."""
import json

from benchmarks import fields


def test_counts_of_newton_and_lanczos_do_not_follow_the_mesh(tmp_path, capsys):
    coarse, fine = fields.main(["--meshes", "8,16", "--json", str(tmp_path / "rows.json")])
    assert fine["unknowns"] > 3 * coarse["unknowns"] and fine["iterations"] <= 15
    assert fine["products"] < 1.4 * coarse["products"] and fine["their products"] <= 60
    assert abs(fine["largest"] / coarse["largest"] - 1.0) < 0.05
    assert json.loads((tmp_path / "rows.json").read_text())[1] == fine
    assert capsys.readouterr().out.count("\n") == 3
