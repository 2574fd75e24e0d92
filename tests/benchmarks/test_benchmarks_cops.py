"""Problems of COPS: both sides reach the published optimum, and own time is counted."""
import pytest

PUBLISHED = {"steering": (200, 0.554577), "torsion": (50, -0.418087), "robot": (200, 9.14138)}


@pytest.mark.parametrize("name", PUBLISHED)
def test_both_sides_reach_the_published_optimum(name):
    pytest.importorskip("casadi")
    from benchmarks import cops, cops_cases

    size, optimum = PUBLISHED[name]
    case = getattr(cops_cases, name)(size)
    program = cops.Counted(case)
    us, them = cops.ours(program, case.start), cops.ipopt_of(case)()
    assert us["end"] == them["end"] == "solved"
    assert us["fun"] == pytest.approx(optimum, rel=2e-5)
    assert them["fun"] == pytest.approx(optimum, rel=2e-5)
    assert us["ms"] > 0.0 and them["ms"] > 0.0 and program.seconds > 0.0
