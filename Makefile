# Everything is set up by the first command you run: make demo, make test or make lint.
PYTHON ?= python3
BIN := .venv/bin
SCREEN := -screen 0 1280x800x24
# what Qt and a virtual display need on Debian and Ubuntu
LIBRARIES := xvfb xauth libegl1 libgl1 libgl1-mesa-dri libglib2.0-0 libdbus-1-3 libfontconfig1 \
  libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0

.PHONY: demo test lint format bench images docs setup libraries

demo: setup
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then $(BIN)/touchup demo; \
	else xvfb-run -a -s "$(SCREEN)" $(BIN)/touchup demo --screenshot demo.png --masks demo_masks.tif; fi

test: setup
	QT_API=pyqt6 $(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: setup
	QT_API=pyqt6 $(BIN)/python -m pytest tests/test_bench.py --benchmark -s

images: setup
	xvfb-run -a -s "$(SCREEN)" $(BIN)/python docs/images/make.py

# figures that are drawn anew are the same files
docs: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group docs
	$(BIN)/python docs/guide/figures.py
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -c docs/guide docs build/docs
	@echo "Open build/docs/guide/index.html"

setup: libraries .venv/.installed

# An editable install holds copies of napari.yaml and sample_data: install again when they change.
.venv/.installed: pyproject.toml constraints.txt napari.yaml $(wildcard sample_data/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "napari-touchup needs Python 3.11 or newer; try: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[qt,bioimageio]" --group dev
	@touch $@

libraries:
	@command -v dpkg-query > /dev/null || exit 0; \
	missing=""; \
	for p in $(LIBRARIES); do \
	  dpkg-query -W -f '$${Status}' $$p $${p}t64 2> /dev/null | grep -q "install ok" || missing="$$missing $$p"; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; \
	else \
	  echo "Qt needs these libraries first:"; \
	  echo "    sudo apt-get install -y --no-install-recommends$$missing"; exit 1; \
	fi
