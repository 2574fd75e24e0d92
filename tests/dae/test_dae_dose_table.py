"""Tables of doses in files, in our words and in those of NONMEM."""

import numpy as np
import pytest

from pcl.dae import Model, fit, read_csv

READINGS = "trajectory,t,c\n" + "".join(f"{name},{t},{c:.6f}\n" for name, doses in (
    ("1", ((0.0, 10.0), (4.0, 10.0), (8.0, 10.0))), ("2", ((1.0, 6.0),)))
    for t in np.arange(0.5, 12.0, 0.5)
    for c in [sum(d * np.exp(-0.3 * (t - s)) for s, d in doses if t > s)])


@pytest.fixture
def readings(tmp_path):
    (tmp_path / "readings.csv").write_text(READINGS)
    return tmp_path / "readings.csv"


def _table(tmp_path, text):
    (tmp_path / "doses.csv").write_text(text)
    return tmp_path / "doses.csv"


@pytest.mark.parametrize("text", [
    "trajectory,time,state,amount,interval,count\n1,0,c,10,4,3\n2,1,c,6,,\n",
    "ID,TIME,CMT,AMT,II,ADDL,DV\n1,0,c,10,4,2,.\n1,0.5,c,.,.,.,8.6\n2,1,c,6,.,.,.\n"])
def test_repeated_doses_of_a_file_are_those_of_rows(text, readings, tmp_path):
    data = read_csv(readings, doses=_table(tmp_path, text), initial={"c": 0.0})
    assert [(d.time, d.state, d.amount) for d in data["1"].doses] == [
        (0.0, "c", 10.0), (4.0, "c", 10.0), (8.0, "c", 10.0)]
    assert [d.time for d in data["2"].doses] == [1.0] and data["1"].span == (0.0, 11.5)
    model = Model(states="c", parameters="k", rates=lambda v: {"c": -v.k * v.c},
                  bounds={"k": (0.01, 3.0)})
    assert fit(model, data, elements=8).parameters["k"] == pytest.approx(0.3, rel=1e-3)


def test_a_table_without_names_is_of_all_trajectories(readings, tmp_path):
    table = _table(tmp_path, "time,amount\n0,5\n")
    data = read_csv(readings, doses=table, dosed="c", initial={"c": 0.0})
    assert all([(d.time, d.state, d.amount) for d in item.doses] == [(0.0, "c", 5.0)] for item in data)


@pytest.mark.parametrize("text, told", [
    ("time,amount\n0,5\n", "no column 'state'"),
    ("time,state,amount\n0,c,much\n", "line 2, column 'amount'"),
    ("trajectory,time,state,amount\n9,0,c,5\n", "doses has '9'")])
def test_tables_that_do_not_fit_are_refused(text, told, readings, tmp_path):
    with pytest.raises(ValueError, match=told):
        read_csv(readings, doses=_table(tmp_path, text), initial={"c": 0.0})
