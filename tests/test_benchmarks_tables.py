"""Tables of benchmarks: what is kept, what pages say of it, and that a run replaces its own tables only."""

import importlib
import pathlib
import shlex
import subprocess
import sys

import pytest

from benchmarks import __main__ as bench
from benchmarks import contests, geometry, measure, tables
from benchmarks.tables import Run, Table
from ufm.files.store import DamagedFile

ROOT = pathlib.Path(__file__).parents[1]
RUN = Run("a machine, 2 cores", "2026-01-02", {"Python": "3.11.0", "numpy": "2.0.0"})
ONE = Table("python -m benchmarks one", "One", [["", "seconds"], ['fast | "quoted"', "0.1"]], RUN)
TWO = Table("python -m benchmarks two", "Two", [["", "ms"], ["slow", "20"]], RUN)
MARKED = "before\n<!-- python -m benchmarks two -->\nold\n<!-- end -->\nafter\n"


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "speed.json"
    tables.keep([ONE, TWO], path)
    return path


def test_tables_come_back_as_they_were(kept):
    assert tables.load(kept) == {each.command: each for each in (ONE, TWO)}
    assert tables.load(kept.with_name("none.json")) == {}


def test_a_run_replaces_its_own_tables_only(kept):
    later = Run("another", "2026-03-04")
    new = Table(TWO.command, "Two again", [["", "ms"], ["slow", "10"]], later)
    tables.keep([new], kept)
    assert tables.load(kept) == {ONE.command: ONE, TWO.command: new}


def test_a_changed_number_and_a_file_of_something_else_are_noticed(kept):
    text = kept.read_text()
    kept.write_text(text.replace('"20"', '"2"'))
    with pytest.raises(DamagedFile, match="digest does not match"):
        tables.load(kept)
    for wrong in ('{"tables": [{"command": "c"}]}', '{"tables": [{"title": "t"}]}', "{}"):
        kept.write_text(wrong)
        with pytest.raises(DamagedFile, match="measure again with --save"):
            tables.load(kept)


def test_a_mark_is_filled_with_its_table_and_nothing_else_changes():
    page = tables.filled(MARKED, {TWO.command: TWO})
    assert page == MARKED.replace("old\n", str(TWO))
    assert tables.filled(page, {TWO.command: TWO}) == page
    assert "| slow | 20 |" in page
    assert "*Measured on: a machine, 2 cores; 2026-01-02; Python 3.11.0, numpy 2.0.0.*" in page
    assert tables.filled(MARKED, {ONE.command: ONE}) == MARKED.replace("old", "*Not measured yet.*")


def test_what_is_not_known_of_a_run_is_said():
    said = str(Run("earlier machine", "", note="with company"))
    assert said == "*Measured on: earlier machine; date not recorded; versions not recorded; with company.*"


def test_a_run_here_knows_its_machine():
    run = Run.here()
    assert run.machine.endswith("cores")
    assert {"Python", "numpy"} <= set(run.versions)


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda path: path.name)
def test_pages_say_what_is_kept(page):
    text, known = page.read_text(), tables.load()
    assert tables.filled(text, known) == text, "results/speed.json has changed: make tables"
    commands = [command for _, command, _ in tables.BLOCK.findall(text)]
    assert len(commands) == len(set(commands)) > 0
    if page.name == "speed.md":
        assert {c for c in tables.load() if "--quick" not in c and "--budget" not in c} <= set(commands)


@pytest.mark.slow  # it imports torch
def test_commands_of_pages_and_of_what_is_kept_are_those_of_todays_benchmarks():
    pytest.importorskip("torch")
    from benchmarks import training

    only = {
        "geometry": geometry.CASES | geometry.QUICK,
        "measure": {"memory", "file"},
        "training": training.TABLES,
    }
    marked = {command for page in tables.PAGES for _, command, _ in tables.BLOCK.findall(page.read_text())}
    for command in marked | set(tables.load()):
        part, *rest = shlex.split(command)[3:]
        if part == "--only":
            assert rest[0] in contests.CONTESTS
        elif part in only:
            assert rest[0] == "--only"
            assert rest[1] in only[part]
        else:
            assert part in bench.PARTS
            assert rest in ([], ["--quick"])


def fake(name):
    return {"seconds": 2.0 if "small" in name else 4.0, "mib": 99.6, "nc_max": 5e-11}


def test_contests_are_printed_and_kept_under_the_command_that_makes_them(kept, monkeypatch, capsys):
    monkeypatch.setattr(contests, "measure", fake)
    monkeypatch.setattr(tables, "KEPT", kept)
    title = "K=10, f=20, d=512, N=12,406, until NC < 1e-10"
    command = f'python -m benchmarks --only "{title}"'
    contests.contests("N=12,406", quick=True, save=True)
    assert set(tables.load(kept)) == {ONE.command, TWO.command, f"{command} --quick"}
    contests.contests("N=12,406", quick=False, save=True)
    contests.contests("N=1,236", quick=False, save=False)
    known = tables.load(kept)
    assert set(known) == {ONE.command, TWO.command, f"{command} --quick", command}
    assert known[command].rows[0] == ["", "seconds", "ratio", "peak memory", "largest NC"]
    assert known[command].rows[-1] == ["reduced: three coordinates", "4", "1.0", "100 MiB", "5e-11"]
    assert len(known[command].rows) == 5
    assert len(known[f"{command} --quick"].rows) == 3
    assert "N=1,236" in capsys.readouterr().out


def test_different_problems_have_no_ratio():
    assert contests.contest("Large", {"reduced_imagenet": fake("")})[0] == ["", "seconds", "peak memory", "largest NC"]


def test_tables_of_measuring(kept, monkeypatch):
    def row(job, *arguments):
        return {"seconds": 1.0, "processor": 2.0 if job in ("product", "toolkit") else 5.0, "mib": 7.0}

    monkeypatch.setattr(measure, "row", row)
    monkeypatch.setattr(measure, "write", lambda path, samples: None)
    monkeypatch.setattr(tables, "KEPT", kept)
    measure.main(["--save", "--quick"])
    measure.main(["--save", "--only", "file"])
    known = tables.load(kept)
    assert {c for c in known if "measure" in c} == {
        "python -m benchmarks measure --only memory",
        "python -m benchmarks measure --only file --quick",
        "python -m benchmarks measure --only file",
    }
    assert known["python -m benchmarks measure --only file"].rows[-1] == ["toolkit", "1", "5", "2.50", "7 MiB"]


@pytest.mark.slow  # it imports torch
@pytest.mark.parametrize("part", bench.PARTS)
def test_every_part_knows_how_to_save(part, capsys):
    pytest.importorskip("torch")
    module = importlib.import_module(f"benchmarks.{part}")
    with pytest.raises(SystemExit, match="0"):
        module.main(["--help"])
    said = capsys.readouterr().out
    assert f"usage: python -m benchmarks {part} " in said
    assert "--save" in said
    assert "--quick" in said


def test_a_damaged_file_is_one_line_and_no_page_changes(tmp_path):
    damaged = tmp_path / "speed.json"
    damaged.write_text("{")
    code = f"import sys; from benchmarks import tables; tables.KEPT = tables.Path({str(damaged)!r})"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; sys.exit(tables.main())"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "speed.json is damaged" in done.stderr
