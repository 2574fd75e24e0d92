# `make demo` installs and runs the examples, `make test` installs and runs the tests. Either
# installs once: into .venv, and again only when setup.cfg or pyproject.toml has changed.

PYTHON ?= $(or $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	echo $$python && break; done),python3)
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install -qq --disable-pip-version-check

export TF_CPP_MIN_LOG_LEVEL ?= 2
# Matrices here are small: one thread is as fast as two, and does not stall on a busy machine.
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help demo test quick lint bench docs docs-quick lowest clean
help:
	@echo 'make demo    install, and run the examples'
	@echo 'make test    install with the test extra, and run the tests'
	@echo 'make quick   the tests that train nothing and start no process (a minute and a half)'
	@echo 'make lint    flake8 and mypy'
	@echo 'make bench   install with the bench extra, and time exact Hessians against JAX'
	@echo 'make docs    install with the docs extra, and build the site into docs/_build/html, tutorials run'
	@echo 'make docs-quick   the same without running the tutorials'
	@echo 'make lowest  run the tests with the lowest versions that setup.cfg states (Python 3.11)'
	@echo 'make clean   remove .venv and caches'

demo: $(VENV)/demo.stamp
	@echo '1  pcl             are derivatives right on this machine?                        10 s'
	@echo '2  poisson_fem     which κ(x) explains a field: networks, four optimizers?       1 min'
	@echo '3  pumping_test    does one conductivity explain a measured pumping test?        1 min'
	@echo; echo '1 of 3'; $(BIN)/python -m pcl
	@echo; echo '2 of 3'; $(BIN)/python -m pcl examples poisson_fem --quick
	@echo; echo '3 of 3'; $(BIN)/python -m pcl examples pumping_test
	@echo; echo 'Figures:'; ls $(CURDIR)/figures/poisson_*.png $(CURDIR)/figures/pumping_*.png
	@echo 'Next: $(BIN)/python -m pcl examples   lists all examples'

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

# What trains nothing and starts no process; pytest's mark "slow" is for the rest of these folders.
QUICK = checks engine evolution/test_schemes.py execute factor fem/test_discretisations.py \
	fem/test_fem_grid.py fem/test_fem_space.py fem/test_fem_observe.py interior_point/test_contracts.py \
	interior_point/test_kkt.py networks/test_network.py networks/test_network_rule.py nodes rules \
	dae/test_dae_data.py dae/test_dae_model.py dae/test_dae_random_patterns.py \
	dae/test_dae_structure.py dae/test_dae_terms.py test_registration.py
quick: $(VENV)/test.stamp
	$(BIN)/python -m pytest --numprocesses 2 -m 'not slow' $(addprefix tests/,$(QUICK))

lint: $(VENV)/test.stamp
	$(BIN)/python -m flake8
	$(BIN)/python -m mypy

bench: $(VENV)/bench.stamp
	$(BIN)/python -m benchmarks.hessian

SITE = $(BIN)/python -m sphinx -E -W --keep-going -q -b html -d docs/_build/doctrees
docs: $(VENV)/docs.stamp
	$(SITE) docs docs/_build/html
	@echo 'docs/_build/html/index.html'

docs-quick: $(VENV)/docs.stamp
	$(SITE) -D plot_gallery=0 docs docs/_build/html
	@echo 'docs/_build/html/index.html, tutorials not run'

# TESTS="tests/test_a.py tests/test_b.py" runs some of them.
LOWEST = .venv-lowest
lowest:
	$(MAKE) VENV=$(LOWEST) PYTHON=python3.11 $(LOWEST)/bin/python
	python3.11 tests/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install -qq --disable-pip-version-check \
	  --constraint $(LOWEST)/constraints.txt --editable '.[test]'
	$(LOWEST)/bin/python -m pytest --numprocesses 2 --dist loadfile $(TESTS)

clean:
	rm -rf $(VENV) $(LOWEST) .pytest_cache .mypy_cache build dist *.egg-info docs/_build docs/generated docs/learn docs/reference/generated
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/demo.stamp: setup.cfg pyproject.toml | $(BIN)/python
	@echo 'Installing into $(VENV); TensorFlow takes a minute or two.'
	@$(PIP) --editable .
	@touch $@

$(VENV)/%.stamp: setup.cfg pyproject.toml | $(BIN)/python
	@echo 'Installing into $(VENV) with the extra "$*"; TensorFlow takes a minute or two.'
	@$(PIP) --editable '.[$*]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo '$(PYTHON) is not Python 3.11 or newer; name one: make PYTHON=/path/to/python3' >&2; \
	exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); \
	$(PYTHON) -m virtualenv --quiet $(VENV) 2>/dev/null; } || { \
	echo '$(PYTHON) cannot create a virtual environment; on Debian: apt install python3-venv' >&2; \
	exit 1; }
