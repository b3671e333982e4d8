"""Lines that are whole or absent, whatever happens to the process or to the file."""

import os
import signal
import time

import pytest

from ufm.files.journal import Journal, lines, sealed_line

LINES = [b"one", b"", b'{"two": 2}', b"x" * 5000]


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "some.jsonl"
    with Journal(file) as journal:
        for each in LINES:
            journal.append(each)
    return file


def test_what_is_appended_is_read(path):
    assert list(lines(path)) == list(enumerate(LINES, start=1))
    with Journal(path) as journal:
        journal.append(b"more")
    assert [content for _, content in lines(path)] == [*LINES, b"more"]
    assert list(lines(path.with_name("nothing"))) == []


def test_cut_anywhere_it_has_the_lines_before_and_goes_on(path):
    whole = path.read_bytes()
    ends = [sum(len(sealed_line(each)) for each in LINES[:n]) for n in range(len(LINES) + 1)]
    for cut in {*range(0, 200, 7), *ends, *(end - 1 for end in ends[1:]), len(whole) - 2000}:
        path.write_bytes(whole[:cut])
        kept = LINES[: sum(end <= cut for end in ends) - 1]
        assert [content for _, content in lines(path)] == kept
        with Journal(path) as journal:
            journal.append(b"next")
        assert [content for _, content in lines(path)] == [*kept, b"next"]


def test_every_flipped_bit_is_seen_and_costs_at_most_two_lines(path):
    whole = path.read_bytes()
    for place in range(0, len(whole), 61):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(bytes(changed))
        found = [content for _, content in lines(path)]
        assert found != LINES
        good = [content for content in found if content is not None]
        assert set(good) <= set(LINES)
        assert len(good) >= len(LINES) - 2
        with Journal(path):
            pass
        assert [content for _, content in lines(path)] == good


@pytest.mark.slow
def test_killed_at_any_moment_it_has_the_first_lines(tmp_path):
    path = tmp_path / "killed.jsonl"
    before = written = 0
    for n in range(50):
        child = os.fork()
        if child == 0:
            with Journal(path) as journal:
                number = before
                while True:
                    journal.append(b"%d " % number + b"x" * 20_000)
                    number += 1
        time.sleep(0.002 + 0.0007 * n)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found = [content for _, content in lines(path)]
        assert None not in found
        assert [int(content.split()[0]) for content in found] == list(range(len(found)))
        assert len(found) >= before
        written += len(found) - before
        before = len(found)
        if path.exists() and path.stat().st_size > 2e7:
            path.unlink()
            before = 0
    assert written > 0


def test_a_full_disk_names_the_file(path):
    journal = Journal(path)
    journal.file.close()
    journal.file = open("/dev/full", "ab", buffering=0)  # noqa: SIM115
    with pytest.raises(OSError, match=r"No space left.*some\.jsonl"):
        journal.append(b"more")
    journal.file.close()
    assert [content for _, content in lines(path)] == LINES
