"""What is done is told to the logger "pcl", and to nobody who has not asked."""

import logging

import numpy as np
from small_problems import Rosenbrock

import pcl
from pcl import dae


def lines(caplog, name):
    return [record.getMessage() for record in caplog.records if record.name.startswith(name)]


def test_a_training_tells_when_it_begins_and_how_it_ended(caplog):
    with caplog.at_level(logging.INFO, "pcl"):
        result = pcl.minimize(Rosenbrock(), "levenberg-marquardt")
    first, last = lines(caplog, "pcl.training")
    assert first == "levenberg-marquardt begins: 2 parameters"
    assert last.startswith(f"levenberg-marquardt: {result.nit} iterations") and result.message in last


def test_a_fit_tells_its_stages_and_a_program_its_end(caplog):
    model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
    t = np.linspace(0.0, 2.0, 5)
    with caplog.at_level(logging.INFO, "pcl"):
        found = dae.fit(model, dae.Trajectory(t, {"x": np.exp(-t)}, {"x": 1.0}), elements=2)
    assert lines(caplog, "pcl.dae") == [str(line) for line in found.stages]
    assert any("first-order conditions" in line for line in lines(caplog, "pcl.interior_point"))


def test_a_file_is_told_of_at_the_level_debug(caplog, tmp_path):
    with caplog.at_level(logging.DEBUG, "pcl"):
        pcl.minimize(Rosenbrock(), "BFGS", checkpoint=tmp_path / "run.npz")
    assert f"{tmp_path / 'run.npz'} is written" in lines(caplog, "pcl.support")


def test_nothing_is_written_where_no_log_was_asked_for(capsys):
    pcl.minimize(Rosenbrock(), "levenberg-marquardt")
    assert capsys.readouterr() == ("", "")
