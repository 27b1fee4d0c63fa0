# The two commands: `make run` (the whole course, executed, with its videos and tables) and `make test`.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.installed
COLAB   := .venv-colab
TEACH   := .venv-instructor
MUTANTS := .venv-mutants

NPM := $(shell command -v npm)

CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

define NEW_ENOUGH
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 4))' || \
	{ echo "Python 3.11.4 or newer is needed; name one with: make PYTHON=python3.11 ..."; exit 2; }
endef

export OFD_BUILD ?= $(CURDIR)/build

# Also for Jupyter's kernels, which may import torch before tutorial_lib/__init__.py can say the same, and why.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: help venv run test attack mutants colab lab notebooks student site lab-page grade zoo tables lock clean

help:
	@echo "make run        run every notebook at the laptop scale; videos and tables in build/"
	@echo "make test       style check, unit tests, and every notebook at the smoke scale"
	@echo "make attack     every damaged file, lying server and odd name that the commands are tried with (minutes)"
	@echo "make mutants    small changes of the library, one by one: do its tests notice? (hours; goes on where it stopped)"
	@echo "make colab      every notebook in a stand-in for Colab: its versions, and the course's way in there"
	@echo "make lab        JupyterLab on your own copy of the first notebook, on this machine only"
	@echo "make venv       the environment alone"
	@echo "make notebooks  bring notebooks/*.ipynb up to date with notebooks/src/*.py, and execute them"
	@echo "make student    notebooks/student/*.ipynb, to hand out: without solutions"
	@echo "make site       the course as a website, in build/site/html; with the lambda lab, where npm is"
	@echo "make lab-page   the lambda lab alone as a page without a kernel, in build/site/lab"
	@echo "make grade FOLDER=...  run the checks on collected notebooks; writes FOLDER/grades.csv"
	@echo "make zoo        train the shipped networks again (hours)"
	@echo "make tables     score what has no score yet, and write the paper's tables to results/"

venv: $(STAMP)

# A stamp, so that a second run installs nothing. A failed install leaves no stamp and is repeated.
$(STAMP): pyproject.toml requirements.lock
	@$(NEW_ENOUGH)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[notebooks,test,fast]"
	@touch $(STAMP)

run: export OFD_SCALE ?= laptop
run: $(STAMP)
	@$(BIN)/python data_scripts/run_notebooks.py --output "$(OFD_BUILD)/notebooks"

test: export OFD_SCALE := smoke
test: export OFD_BUILD := $(CURDIR)/build/test
test: export OFD_INSTRUCTOR := $(CURDIR)/$(TEACH)/bin/python
# A file of tests after the other, in two processes of one thread each.
test: export OMP_NUM_THREADS ?= 1
test: $(STAMP) $(TEACH)/.installed $(if $(CHROMIUM),$(VENV)/.browser)
	$(BIN)/python -m ruff check .
	@rm -rf "$(OFD_BUILD)"/gw*
	$(BIN)/python data_scripts/update_notebooks.py --unfolded "$(OFD_BUILD)/notebooks"
	$(BIN)/python -m pytest tests "$(OFD_BUILD)/notebooks" -n 2 --dist loadfile \
		--nbval-lax --nbval-current-env --nbval-cell-timeout=300

# What drives a browser, where there is one.
$(VENV)/.browser: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[browser]"
	@touch $@

attack: export OFD_ATTACKS := all
attack: export OFD_BUILD := $(CURDIR)/build/attack
attack: $(STAMP)
	$(BIN)/python -m pytest tests/attack

mutants: $(MUTANTS)/.installed
	$(MUTANTS)/bin/python tests/mutants/run.py $(GROUP)

$(MUTANTS)/.installed: pyproject.toml requirements.lock
	@$(NEW_ENOUGH)
	$(PYTHON) -m venv $(MUTANTS)
	$(MUTANTS)/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.lock \
		-e ".[notebooks,test,fast,mutants]"
	@touch $@

colab: export OFD_SCALE := smoke
colab: export OFD_BUILD := $(CURDIR)/build/colab
# The debugger of an old ipykernel would warn in four lines for every kernel.
colab: export PYDEVD_DISABLE_FILE_VALIDATION := 1
colab: $(COLAB)/.installed
	$(COLAB)/bin/python -m pytest tests/test_widgets.py tests/test_live.py \
		tests/test_notebooks.py::test_every_control_of_the_lab_changes_what_it_says_over_its_whole_range
	@rm -rf "$(OFD_BUILD)/kept"
	@$(COLAB)/bin/python data_scripts/run_notebooks.py --output "$(OFD_BUILD)/notebooks"

$(COLAB)/.installed: pyproject.toml requirements.lock $(wildcard colab/*)
	@$(NEW_ENOUGH)
	$(PYTHON) colab/stand_in.py $(COLAB)
	@touch $@

# The page that is opened first, and the folder beside it.
FIRST := /lab/tree/notebooks/mine/00_start_here.ipynb?file-browser-path=/

# In the reader's own copies, with the whole course in sight, and without JupyterLab's offer of its news.
lab: $(STAMP)
	@$(BIN)/python data_scripts/my_notebooks.py
	@mkdir -p $(VENV)/share/jupyter/lab/settings
	@cp notebooks/overrides.json $(VENV)/share/jupyter/lab/settings/
	@mkdir -p "$(OFD_BUILD)/videos"
	$(BIN)/python data_scripts/lab.py --ServerApp.ip=127.0.0.1 --ServerApp.root_dir="$(CURDIR)" \
		$(if $(filter 0,$(shell id -u)),--allow-root) --LabApp.default_url="$(FIRST)"

notebooks: export OFD_SCALE ?= laptop
notebooks: $(STAMP)
	$(BIN)/python data_scripts/update_notebooks.py --execute

student: $(TEACH)/.installed
	$(TEACH)/bin/python data_scripts/make_student.py

grade: $(STAMP)
	@$(BIN)/python data_scripts/grade.py $(if $(FOLDER),"$(FOLDER)")

# The lambda lab computes with what npm installs; without it the site is built without the lab, and says so.
site: $(TEACH)/.installed $(if $(NPM),lab-page)
	$(TEACH)/bin/python data_scripts/make_site.py --output "$(OFD_BUILD)/site" $(if $(NPM),--lab "$(OFD_BUILD)/site/lab")

lab-page: $(STAMP)
	$(BIN)/python data_scripts/make_lab_page.py --output "$(OFD_BUILD)/site/lab"

# What works on texts alone, without PyTorch: cutting solutions out, and building the website.
define EXTRAS
import tomllib
extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]
print(*extras["instructor"], *extras["site"])
endef
export EXTRAS
$(TEACH)/.installed: pyproject.toml requirements.lock
	@$(NEW_ENOUGH)
	$(PYTHON) -m venv $(TEACH)
	$(TEACH)/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.lock \
		$$($(PYTHON) -c "$$EXTRAS")
	@touch $@

zoo: $(STAMP)
	$(BIN)/python data_scripts/train_zoo.py --style mosaic

tables: $(STAMP)
	$(BIN)/python data_scripts/make_tables.py --score-only
	$(BIN)/python data_scripts/make_tables.py --screen
	$(BIN)/python data_scripts/make_tables.py --paper std

lock: $(STAMP) $(VENV)/.browser $(TEACH)/.installed $(MUTANTS)/.installed
	# A local version such as 2.13.0+cpu is on no package index; without it any build of that version will do.
	# In steps, because of two commands in a pipe only the last one can fail.
	$(BIN)/python -m pip freeze --exclude-editable > $(VENV)/frozen.txt
	$(TEACH)/bin/python -m pip freeze >> $(VENV)/frozen.txt
	$(MUTANTS)/bin/python -m pip freeze --exclude-editable >> $(VENV)/frozen.txt
	sed 's/+[a-z0-9.]*$$//' $(VENV)/frozen.txt | LC_ALL=C sort -fu > requirements.lock

clean:
	rm -rf build site/lab/node_modules $(VENV) $(COLAB) $(TEACH) $(MUTANTS)
