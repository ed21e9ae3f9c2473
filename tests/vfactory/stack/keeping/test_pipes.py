import os
import subprocess
import sys
import time

from vfactory.stack.keeping.pipes import LONGEST_LINE_BYTES, carry_lines
from vfactory.stack.logs import as_json_line


def run(code: str) -> tuple[int, list[tuple[str, bytes]]]:
    taken: list[tuple[str, bytes]] = []
    pipes = [os.pipe(), os.pipe()]
    process = subprocess.Popen([sys.executable, "-c", code], stdout=pipes[0][1], stderr=pipes[1][1])
    for _, writing in pipes:
        os.close(writing)
    streams = {pipes[0][0]: "stdout", pipes[1][0]: "stderr"}
    ended = carry_lines(process, streams, lambda name, lines: taken.extend((name, line) for line in lines))
    return ended, taken


def test_every_line_of_both_streams_arrives_and_the_exit_code() -> None:
    code, taken = run(
        "import sys; [print(n) for n in range(5000)]; sys.stderr.write('no line feed'); sys.exit(7)"
    )
    assert code == 7
    assert [line for name, line in taken if name == "stdout"] == [b"%d\n" % n for n in range(5000)]
    assert [line for name, line in taken if name == "stderr"] == [b"no line feed\n"]


def test_a_descendant_that_keeps_the_pipes_open_does_not_hold_up_the_end() -> None:
    began = time.monotonic()
    code, taken = run("import subprocess, sys; print('x', flush=True); subprocess.Popen(['sleep', '20'])")
    assert (code, taken) == (0, [("stdout", b"x\n")])
    assert time.monotonic() - began < 15


def test_a_process_that_closes_its_output_is_still_waited_for() -> None:
    code, _ = run("import os, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(5)")
    assert code == 5


def test_a_line_without_end_comes_in_pieces_rather_than_filling_the_memory() -> None:
    _, taken = run(
        f"import os; [os.write(1, b'z' * 65536) for _ in range({3 * LONGEST_LINE_BYTES // 65536})]"
    )
    assert len(taken) > 1
    assert sum(line.count(b"z") for _, line in taken) == 3 * LONGEST_LINE_BYTES


def test_a_line_that_is_no_json_object_is_wrapped_in_one() -> None:
    text = as_json_line(
        "factory-core", "Fatal Python error: 끝 \xff".encode("latin-1", "ignore"), stream="stderr"
    )
    assert b'"level":"ERROR","name":"factory-core","message":"Fatal Python error:' in text
    assert text.endswith(b',"stream":"stderr"}\n')


def test_a_json_line_stays_as_it_is() -> None:
    assert as_json_line("x", b'{"level":"INFO"}\n', stream="stdout") == b'{"level":"INFO"}\n'
