"""A script that is run by Osler behaves as under plain `python script.py`, to the byte."""

import json
import os
import py_compile
import re
import signal
import subprocess
import sys
import time
import zipapp
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

SRC = Path(__file__).parents[2] / "src"

DRIVER = """
import json, os, sys
from osler.errors import UsageError
from osler.runtime.script import Target, run_script

def on_end(ending):
    with open(os.environ["ENDINGS"], "a") as out:
        crash = type(ending.crash).__name__ if ending.crash else None
        print(json.dumps([ending.ended_by, ending.exit_code, crash]), file=out)
    return json.loads(os.environ["ANSWER"])

first, *rest = sys.argv[1:]
target = Target(None, rest[0], tuple(rest[1:])) if first == "-m" else Target(first, None, tuple(rest))
try:
    code = run_script(target, on_end)
except UsageError as error:
    sys.exit(f"{error}\\n{error.fix}")
sys.exit(code)
"""


ADDRESS = re.compile(r"0x[0-9a-f]+|(?<=refcount : )\d+")
"""What differs from process to process."""


@dataclass(frozen=True)
class Run:
    """What the world outside sees of a finished process, and what `on_end` was told."""

    stdout: str
    stderr: str
    code: int
    endings: list[list[object]]

    @property
    def seen(self) -> tuple[str, str, int]:
        return self.stdout, self.stderr, self.code


def environment(folder: Path, answer: int | None = None) -> dict[str, str]:
    ours = {"PYTHONPATH": str(SRC), "ENDINGS": str(folder / "endings.jsonl"), "ANSWER": json.dumps(answer)}
    return os.environ | ours


def finished(folder: Path, command: Sequence[str], cwd: Path | None, answer: int | None) -> Run:
    endings = folder / "endings.jsonl"
    endings.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd or folder,
        env=environment(folder, answer),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=100,
        check=False,
    )
    told = [json.loads(line) for line in endings.read_text().splitlines()] if endings.exists() else []
    return Run(done.stdout.decode(), ADDRESS.sub("…", done.stderr.decode()), done.returncode, told)


def plain(folder: Path, *command: str, cwd: Path | None = None) -> Run:
    return finished(folder, command, cwd, None)


def watched(folder: Path, *command: str, cwd: Path | None = None, answer: int | None = None) -> Run:
    flags = [word for word in command[:1] if word == "-P"]
    return finished(folder, [*flags, "-c", DRIVER, *command[len(flags) :]], cwd, answer)


def write(folder: Path, text: str, name: str = "train.py") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))
    return path


def same(folder: Path, *command: str, cwd: Path | None = None) -> Run:
    """The watched run, once it is seen to equal the plain one."""
    with_osler = watched(folder, *command, cwd=cwd)
    without = plain(folder, *command, cwd=cwd)
    assert with_osler.seen == without.seen
    return with_osler


WELL = ["", 0, None]

ENDINGS: dict[str, tuple[list[object], str]] = {
    # How a script ends.
    "falls off its end": (WELL, "print('done')"),
    "sys.exit()": (["sys.exit", 0, None], "import sys; sys.exit()"),
    "sys.exit(0)": (["sys.exit", 0, None], "import sys; sys.exit(0)"),
    "sys.exit(3) in a function": (
        ["sys.exit", 3, None],
        "import sys\ndef main():\n  sys.exit(3)\nmain()",
    ),
    "sys.exit(True)": (["sys.exit", 1, None], "import sys; sys.exit(True)"),
    "sys.exit(-1)": (["sys.exit", 255, None], "import sys; sys.exit(-1)"),
    "sys.exit(256)": (["sys.exit", 0, None], "import sys; sys.exit(256)"),
    "sys.exit with a message": (["sys.exit", 1, None], "import sys; sys.exit('bad batch')"),
    "sys.exit with an object": (["sys.exit", 1, None], "import sys; sys.exit([1, 2.5])"),
    "SystemExit with two arguments": (["sys.exit", 1, None], "raise SystemExit(1, 2)"),
    "sys.exit with a message and no stderr": (
        ["sys.exit", 1, None],
        "import sys; sys.stderr = None; sys.exit('bye')",
    ),
    "exit()": (["sys.exit", 4, None], "exit(4)"),
    "argparse ends it": (
        ["sys.exit", 2, None],
        "import argparse; p = argparse.ArgumentParser(); p.add_argument('lr'); p.parse_args()",
    ),
    "argparse help": (
        ["sys.exit", 0, None],
        "import argparse, sys; argparse.ArgumentParser().parse_args(['--help'])",
    ),
    "uncaught exception": (
        ["exception", 1, "ZeroDivisionError"],
        """
        def step(n):
            return 1 / n

        for i in (2, 1, 0):
            print(step(i))
        """,
    ),
    "cause and context": (
        ["exception", 1, "RuntimeError"],
        """
        try:
            try:
                {}["a"]
            except KeyError as error:
                raise ValueError("inner") from error
        except ValueError:
            raise RuntimeError("outer")
        """,
    ),
    "exception group": (
        ["exception", 1, "ExceptionGroup"],
        """
        def fail(kind):
            try:
                raise kind("x")
            except kind as error:
                return error
        raise ExceptionGroup("both", [fail(ValueError), fail(TypeError)])
        """,
    ),
    "a BaseException of its own": (
        ["exception", 1, "Enough"],
        "class Enough(BaseException): ...\nraise Enough('of it')",
    ),
    "exception with notes": (
        ["exception", 1, "ValueError"],
        "e = ValueError('x'); e.add_note('see line 3'); raise e",
    ),
    "exception in an imported module": (["exception", 1, "ModuleNotFoundError"], "import no_such_module"),
    "syntax error": (["exception", 1, "SyntaxError"], "x = 1\ndef f(:\n    pass\n"),
    "indentation error": (["exception", 1, "IndentationError"], "if 1:\nx = 1\n"),
    "unclosed string": (["exception", 1, "SyntaxError"], 'def f():\n    """abc\n\nx = 1\n'),
    "return outside a function": (["exception", 1, "SyntaxError"], "x = 1\nreturn x\n"),
    "syntax error in an import": (
        ["exception", 1, "SyntaxError"],
        "open('broken_part.py', 'w').write('x = (')\nimport broken_part",
    ),
    "its own excepthook": (
        ["exception", 1, "ValueError"],
        """
        import sys
        def hook(kind, error, tb):
            print("hooked", kind.__name__, error, tb.tb_frame.f_code.co_name, tb.tb_lineno, tb.tb_next)
        sys.excepthook = hook
        raise ValueError("x")
        """,
    ),
    "excepthook that exits": (
        ["exception", 7, "ValueError"],
        "import sys\nsys.excepthook = lambda *_: sys.exit(7)\nraise ValueError('x')",
    ),
    "excepthook that fails": (
        ["exception", 1, "ValueError"],
        "import sys\ndef hook(*_):\n    1 / 0\nsys.excepthook = hook\nraise ValueError('x')",
    ),
    "last exception": (
        ["exception", 1, "ValueError"],
        "import atexit, sys\natexit.register(lambda: print(sys.last_type, sys.last_value, "
        "sys.last_traceback.tb_lineno))\nraise ValueError('x')",
    ),
    "closes stderr and fails": (
        ["exception", 1, "ValueError"],
        "import sys; sys.stderr.close(); raise ValueError('x')",
    ),
    "closes stdout": (WELL, "import sys; print('a'); sys.stdout.close()"),
    "replaces the streams": (
        ["exception", 1, "ValueError"],
        """
        import io, sys, atexit
        sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
        def show():
            for stream in (sys.stdout, sys.stderr):
                print(stream.getvalue(), file=sys.__stdout__)
        atexit.register(show)
        print("out")
        raise ValueError("x")
        """,
    ),
    "keyboard interrupt": (
        ["interrupt", 130, None],
        """
        import atexit
        atexit.register(print, "at exit")
        try:
            raise KeyboardInterrupt
        finally:
            print("finally")
        """,
    ),
    "a kind of keyboard interrupt": (
        ["exception", 1, "Mine"],
        "class Mine(KeyboardInterrupt): ...\nraise Mine",
    ),
    "keyboard interrupt, then its hook exits": (
        ["interrupt", 5, None],
        "import sys\nsys.excepthook = lambda *_: sys.exit(5)\nraise KeyboardInterrupt",
    ),
    "os._exit": (
        ["os._exit", 3, None],
        """
        import atexit, os
        atexit.register(print, "never")
        print("lost in the buffer")
        print("kept", flush=True)
        os._exit(3)
        """,
    ),
    "os._exit in a thread": (
        ["os._exit", 6, None],
        "import os, threading, time\nthreading.Thread(target=os._exit, args=(6,)).start()\ntime.sleep(60)",
    ),
    "os._exit of nonsense": (["exception", 1, "TypeError"], "import os\nos._exit('a')"),
    "SIGTERM": (
        ["SIGTERM", 143, None],
        """
        import atexit, os, signal
        atexit.register(print, "never")
        print("kept", flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        while True: pass
        """,
    ),
    "SIGTERM while asleep": (
        ["SIGTERM", 143, None],
        """
        import os, signal, threading, time
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        time.sleep(60)
        """,
    ),
    "its own SIGTERM handler": (
        ["sys.exit", 9, None],
        """
        import os, signal, sys
        print(signal.getsignal(signal.SIGTERM), signal.signal(signal.SIGTERM, lambda *_: sys.exit(9)))
        os.kill(os.getpid(), signal.SIGTERM)
        while True: pass
        """,
    ),
    "SIGTERM handler taken back": (
        ["SIGTERM", 143, None],
        """
        import os, signal
        old = signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.kill(os.getpid(), signal.SIGTERM)
        print(old, signal.signal(signal.SIGTERM, old), signal.getsignal(signal.SIGTERM), flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        while True: pass
        """,
    ),
    "SIGTERM ignored": (
        WELL,
        """
        import os, signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.kill(os.getpid(), signal.SIGTERM)
        print("alive")
        """,
    ),
    # What a script can know about itself.
    "its globals": (
        WELL,
        """
        import sys
        known = {k: v for k, v in globals().items() if not k.startswith("__loader")}
        print(list(globals()))
        print(known)
        print(type(__loader__), __loader__.name, __loader__.path)
        print(sys.argv, sys.path[0], len(sys.path), sys.modules["__main__"].__dict__ is globals())
        """,
    ),
    "its frames and code": (
        WELL,
        """
        import inspect, sys
        def f(): pass
        print(f.__module__, f.__code__.co_filename, inspect.getsource(f), inspect.getmodule(f))
        print(sys._getframe().f_code.co_name, sys._getframe().f_lineno, sys._getframe().f_locals is globals())
        print(f.__code__.co_flags, eval("annotations", {}) if False else "no future leaked")
        """,
    ),
    "annotations": (WELL, "lr: float = 0.1\nprint(__annotations__)"),
    "encoding cookie": (WELL, "# -*- coding: latin-1 -*-\nprint(ascii('\xe9'), len('\xe9'))"),
    "docstring": (WELL, '"""What it does."""\nprint(__doc__)'),
    "warning on its line": (
        WELL,
        "import warnings\nwarnings.warn('old')\nwarnings.warn('old', DeprecationWarning)",
    ),
    "pickles of its classes": (
        WELL,
        """
        import pickle, dataclasses
        @dataclasses.dataclass
        class Net:
            width: int
        data = pickle.dumps(Net(3))
        print(data, pickle.loads(data))
        """,
    ),
    "changes directory and fails": (
        ["exception", 1, "ValueError"],
        "import os\nos.chdir('/')\ndef f(): raise ValueError('x')\nf()",
    ),
    "breakpoint without input": (
        ["exception", 1, "BdbQuit"],
        "x = 1\nbreakpoint()\nprint(x)",
    ),
    "catches the recursion limit": (
        WELL,
        """
        def f(n): return f(n + 1)
        try:
            f(0)
        except RecursionError as error:
            print(error)
        """,
    ),
    # What happens after its last line.
    "atexit handlers": (
        WELL,
        """
        import atexit
        lr = 0.1
        @atexit.register
        def first(): print("registered first", lr, __name__)
        @atexit.register
        def second(): print("registered second", first.__name__)
        class Late:
            def __del__(self): print("deleted", lr if "lr" in globals() else "gone")
        late = Late()
        """,
    ),
    "atexit handlers after sys.exit": (
        ["sys.exit", 2, None],
        "import atexit, sys\nlr = 1\natexit.register(lambda: print(lr))\nsys.exit(2)",
    ),
    "failing atexit handler": (WELL, "import atexit\n@atexit.register\ndef f():\n    1 / 0"),
    "thread outlives the main one": (
        WELL,
        """
        import threading, time
        def train():
            time.sleep(0.2)
            print("trained", threading.main_thread().is_alive(), threading.active_count())
        threading.Thread(target=train).start()
        print("main ends")
        """,
    ),
    "executor outlives the main thread": (
        WELL,
        """
        from concurrent.futures import ThreadPoolExecutor
        import time
        pool = ThreadPoolExecutor(2)
        pool.submit(lambda: (time.sleep(0.1), print("trained")))
        """,
    ),
    "exception in a thread": (
        WELL,
        "import threading\ndef f():\n    1 / 0\nthreading.Thread(target=f, name='t').start()",
    ),
    "sys.exit in a thread": (
        WELL,
        "import sys, threading\nt = threading.Thread(target=sys.exit, args=(3,))\nt.start()\nt.join()",
    ),
    # Children.
    "forks": (
        WELL,
        """
        import os, signal, sys
        pid = os.fork()
        if pid == 0:
            print("child", signal.getsignal(signal.SIGTERM), flush=True)
            sys.exit(5)
        print("parent", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """,
    ),
    "forked child leaves in every way": (
        WELL,
        """
        import os, signal
        def leave_well(): pass
        def fail(): raise ValueError("in the child")
        def kill(): os.kill(os.getpid(), signal.SIGTERM)
        def interrupt(): raise KeyboardInterrupt
        def vanish(): os._exit(4)
        for way in (leave_well, fail, kill, interrupt, vanish):
            pid = os.fork()
            if pid == 0:
                way()
                break
            print(way.__name__, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        """,
    ),
    "multiprocessing by fork": (
        WELL,
        """
        import multiprocessing as mp, time
        def work(n): return n * n
        if __name__ == "__main__":
            context = mp.get_context("fork")
            with context.Pool(2) as pool:
                print(pool.map(work, range(5)))
            sleeper = context.Process(target=time.sleep, args=(20,))
            sleeper.start(); sleeper.terminate(); sleeper.join()
            print(sleeper.exitcode)
        """,
    ),
    "multiprocessing by spawn": (
        WELL,
        """
        import multiprocessing as mp, sys
        class Item:
            def __init__(self, n): self.n = n
        def work(item): return item.n * 2, __name__, "osler" in sys.modules
        if __name__ == "__main__":
            with mp.get_context("spawn").Pool(1) as pool:
                print(pool.map(work, [Item(1), Item(2)]))
        """,
    ),
    "process pool": (
        WELL,
        """
        from concurrent.futures import ProcessPoolExecutor
        def work(n): return n + 1
        if __name__ == "__main__":
            with ProcessPoolExecutor(1) as pool:
                print(list(pool.map(work, range(3))))
        """,
    ),
    "subprocess": (
        WELL,
        "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'import os; os._exit(3)']))",
    ),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_script_behaves_as_under_python(name: str, tmp_path: Path) -> None:
    expected, text = ENDINGS[name]
    (tmp_path / "train.py").write_text(dedent(text), encoding="latin-1")
    run = same(tmp_path, "train.py")
    assert run.endings == [expected]


@pytest.mark.parametrize(
    "command",
    [
        ("train.py",),
        ("./train.py", "--lr", "0.1", "--", "-x"),
        ("folder/../train.py",),
        (".//train.py",),
        ("folder/part.py", "-m", "a"),
        ("link.py",),
        ("compiled.pyc",),
        ("folder", "a"),
        ("./folder/",),
        ("app.zip", "a"),
        ("-m", "train", "a"),
        ("-m", "folder", "-m"),
        ("-m", "folder.part"),
        ("-P", "train.py"),
        ("-P", "folder"),
        ("-P", "-m", "json.tool", "--help"),
    ],
    ids=" ".join,
)
def test_every_way_to_name_a_script(command: tuple[str, ...], tmp_path: Path) -> None:
    text = """
    import atexit, sys
    atexit.register(lambda: print("at exit", sys.argv))
    hidden = ("__loader__", "__spec__", "__builtins__", "known")
    known = {k: v for k, v in globals().items() if k not in hidden}
    print(known, __spec__ and (__spec__.name, __spec__.origin), type(__loader__).__name__)
    print(sys.argv, sys.path[0])
    def fail(): raise ValueError("x")
    fail()
    """
    script = write(tmp_path, text)
    for name in ("folder/__main__.py", "folder/part.py"):
        write(tmp_path, text, name)
    write(tmp_path, "import sys; print('package', sys.argv[0])", "folder/__init__.py")
    (tmp_path / "link.py").symlink_to(tmp_path / "folder/part.py")
    py_compile.compile(str(script), str(tmp_path / "compiled.pyc"))
    zipapp.create_archive(tmp_path / "folder", tmp_path / "app.zip")
    run = same(tmp_path, *command)
    assert len(run.endings) == 1


def test_absolute_path_from_elsewhere(tmp_path: Path) -> None:
    script = write(tmp_path / "project", "import sys\nprint(__file__, sys.argv, sys.path[0])")
    same(tmp_path, str(script), cwd=tmp_path)


def test_failing_package_of_a_module(tmp_path: Path) -> None:
    write(tmp_path, "raise ValueError('while importing')", "package/__init__.py")
    write(tmp_path, "", "package/part.py")
    run = same(tmp_path, "-m", "package.part")
    assert run.endings == [["exception", 1, "ValueError"]]


def test_module_that_exits_with_a_message(tmp_path: Path) -> None:
    write(tmp_path, "import sys\nsys.exit('no data')", "part.py")
    assert same(tmp_path, "-m", "part").endings == [["sys.exit", 1, None]]


def folder_without_main(folder: Path) -> None:
    (folder / "train.py").mkdir()


def binary_file(folder: Path) -> None:
    (folder / "train.py").write_bytes(b"\x89PNG\r\n\0\0\0")


def stale_bytecode(folder: Path) -> None:
    (folder / "train.py").write_bytes(b"\0\0\r\n" + bytes(12))


def archive_of_weights(folder: Path) -> None:
    (folder / "weights").mkdir()
    (folder / "weights/data.pkl").write_text("x")
    zipapp.create_archive(folder / "weights", folder / "train.py", main="os:getcwd")
    # Rewritten without the `__main__.py` that zipapp insists on.
    subprocess.run(
        [sys.executable, "-m", "zipfile", "-c", "train.py", "weights/data.pkl"], cwd=folder, check=True
    )


def near_miss(folder: Path) -> None:
    write(folder, "", "trian.py")


def nothing(folder: Path) -> None:
    """An empty folder."""


@pytest.mark.parametrize(
    ("prepare", "command", "expected"),
    [
        (nothing, "train.py", "there is no script 'train.py': looked for {folder}/train.py"),
        (nothing, "train.py", "(current directory {folder})"),
        (nothing, "no/train.py", "looked for {folder}/no/train.py"),
        (near_miss, "train.py", "Did you mean trian.py?"),
        (near_miss, "trian.py/x", "there is no script"),
        (folder_without_main, "train.py", "can't find '__main__' module in '{folder}/train.py'"),
        (archive_of_weights, "train.py", "can't find '__main__' module in '{folder}/train.py'"),
        (binary_file, "train.py", "train.py is not a Python script: it contains binary data"),
        (stale_bytecode, "train.py", "train.py is not a Python script"),
        (nothing, "-m no_module", "No module named no_module"),
        (nothing, "-m no_module", "looked up from {folder}"),
        (nothing, "-m no.module", "ModuleNotFoundError: No module named 'no'"),
        (near_miss, "-m trian.py", "Try using 'trian' instead of 'trian.py'"),
        (folder_without_main, "-m json", "'json' is a package and cannot be directly executed"),
    ],
)
def test_nothing_to_run(prepare: Callable[[Path], None], command: str, expected: str, tmp_path: Path) -> None:
    prepare(tmp_path)
    run = watched(tmp_path, *command.split())
    assert expected.format(folder=tmp_path) in run.stderr
    assert "Traceback" not in run.stderr
    assert (run.code, run.stdout, run.endings) == (1, "", [])


@pytest.mark.parametrize("source", [b"x = '\xe9'\n", b"# -*- coding: nonsense -*-\n"])
def test_undecodable_script(source: bytes, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_bytes(source)
    with_osler, without = watched(tmp_path, "train.py"), plain(tmp_path, "train.py")
    assert with_osler.stderr.splitlines()[-1].startswith("SyntaxError: ")
    assert "osler" not in with_osler.stderr
    assert (with_osler.stdout, with_osler.code) == (without.stdout, without.code)


# What only a watched script meets.

STOP = "from osler.runtime.stopping import StopTraining\n"


@pytest.mark.parametrize(
    ("text", "out", "ending"),
    [
        (
            "try:\n    raise StopTraining('x')\nfinally:\n    print('finally')",
            "finally\n",
            ["stopped", 0, None],
        ),
        ("try:\n    raise StopTraining('x')\nexcept Exception:\n    print('no')", "", ["stopped", 0, None]),
        (
            "try:\n    raise StopTraining('5 steps')\nexcept BaseException as e:\n    print(e.reason)",
            "5 steps\n",
            WELL,
        ),
        (
            "import atexit\natexit.register(print, 'bye')\nraise StopTraining('x')",
            "bye\n",
            ["stopped", 0, None],
        ),
        (
            "import threading\ndef train(): raise StopTraining('x')\nthreading.Thread(target=train).start()",
            "",
            ["stopped", 0, None],
        ),
        ("try:\n    raise StopTraining('x')\nexcept BaseException:\n    exit(3)", "", ["sys.exit", 3, None]),
    ],
)
def test_stopped_training(text: str, out: str, ending: list[object], tmp_path: Path) -> None:
    write(tmp_path, STOP + text)
    run = watched(tmp_path, "train.py")
    assert (run.seen, run.endings) == ((out, "", ending[1]), [ending])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 10),
        ("import sys; sys.exit(0)", 10),
        (STOP + "raise StopTraining('x')", 10),
        ("import os; os._exit(0)", 10),
        ("import sys; sys.exit(3)", 3),
        ("1 / 0", 1),
        ("import os; os._exit(4)", 4),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)\nwhile True: pass", -signal.SIGTERM),
    ],
)
def test_the_answer_replaces_only_success(text: str, code: int, tmp_path: Path) -> None:
    write(tmp_path, text)
    run = watched(tmp_path, "train.py", answer=10)
    assert (run.code, len(run.endings)) == (code, 1)


def test_report_comes_after_threads_and_before_atexit_handlers(tmp_path: Path) -> None:
    write(
        tmp_path,
        """
        import atexit, os, threading, time
        atexit.register(lambda: print("at exit:", len(open(os.environ["ENDINGS"]).readlines())))
        def train():
            time.sleep(0.2)
            print("thread:", os.path.exists(os.environ["ENDINGS"]))
        threading.Thread(target=train).start()
        """,
    )
    assert watched(tmp_path, "train.py").stdout == "thread: False\nat exit: 1\n"


def test_everything_is_put_back(tmp_path: Path) -> None:
    write(
        tmp_path,
        """
        import atexit, os, signal, threading
        atexit.register(lambda: print(
            type(os._exit).__name__,
            threading.excepthook is threading.__excepthook__,
            type(signal._signal).__name__,
            signal._signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
        ))
        """,
    )
    assert watched(tmp_path, "train.py").stdout == "builtin_function_or_method True module True\n"


PROBED = """
import os
from osler.runtime.patches import Patches

def noisy(function):
    def probe(*args):
        return function(*args)
    return probe

import part
patches = Patches()
patches.{how}(part{owner}, noisy)
"""


@pytest.mark.parametrize(
    ("how", "owner", "call"),
    [
        ("swap", ".fail", "part.fail()"),
        ("rebind", ".Net, 'forward'", "part.Net().forward()"),
        (
            "rebind",
            ".Net, 'forward'",
            "try:\n    part.Net().forward()\nexcept KeyError as e:\n    raise ValueError from e",
        ),
        ("rebind", ".Net, 'forward'", "raise ExceptionGroup('g', [part.caught()])"),
        ("swap", ".fail", "import threading\nthreading.Thread(target=part.fail, name='t').start()"),
    ],
)
def test_probes_are_not_seen_in_tracebacks(how: str, owner: str, call: str, tmp_path: Path) -> None:
    write(
        tmp_path,
        """
        def fail():
            raise KeyError("x")
        class Net:
            def forward(self):
                fail()
        def caught():
            try:
                Net().forward()
            except KeyError as error:
                return error
        """,
        "part.py",
    )
    # A probe belongs to Osler when its file does: a stand-in inside the package folder.
    probe = PROBED.format(how=how, owner=owner)
    source = f"exec(compile({probe!r}, {str(SRC / 'osler/runtime/probe.py')!r}, 'exec'))\n" + call
    write(tmp_path, source)
    with_osler = watched(tmp_path, "train.py")
    write(tmp_path, "import part\n" + call)
    without = plain(tmp_path, "train.py")
    assert with_osler.seen == without.seen


def test_deep_recursion_is_shown_in_full(tmp_path: Path) -> None:
    write(tmp_path, "import sys\nsys.setrecursionlimit(20_000)\ndef f(n): return f(n + 1)\nf(0)")
    run = watched(tmp_path, "train.py")
    assert "[Previous line repeated" in run.stderr
    assert "osler" not in run.stderr
    assert run.endings == [["exception", 1, "RecursionError"]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("waits_for_thread", [False, True])
def test_signal_from_outside(number: signal.Signals, waits_for_thread: bool, tmp_path: Path) -> None:
    loop = "import time\nfor _ in range(600): time.sleep(0.1)\n"
    if waits_for_thread:
        loop = "import threading, time\nthreading.Thread(target=time.sleep, args=(2,)).start()\n"
    write(tmp_path, "print('ready', flush=True)\n" + loop)

    def interrupted(command: list[str]) -> tuple[int, str]:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=tmp_path, env=environment(tmp_path), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        process.send_signal(number)
        return process.wait(20), process.communicate()[1]

    with_osler, without = interrupted(["-c", DRIVER, "train.py"]), interrupted(["train.py"])
    assert with_osler[0] == without[0]
    assert waits_for_thread or with_osler == without
    (ending,) = [json.loads(line) for line in (tmp_path / "endings.jsonl").read_text().splitlines()]
    if number == signal.SIGTERM:
        assert ending[0] == "SIGTERM"
    else:  # since Python 3.13 `threading` deals with a late Ctrl-C itself and nobody is told
        assert ending[0] == "interrupt" or (waits_for_thread and sys.version_info >= (3, 13))


LOADERS = """
import sys
import torch
from torch.utils.data import DataLoader, Dataset

class Squares(Dataset):
    def __len__(self): return 8
    def __getitem__(self, i): return torch.tensor(float(i * i))

def collate(items): return torch.stack(items), __name__

if __name__ == "__main__":
    loader = DataLoader(Squares(), 4, num_workers=2, collate_fn=collate, multiprocessing_context=sys.argv[1])
    for batch, where in loader:
        print(batch.tolist(), where)
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 2)), "model.pt")
    print(torch.load("model.pt", weights_only=False))
"""


@pytest.mark.slow
@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
def test_loader_workers(context: str, tmp_path: Path) -> None:
    write(tmp_path, LOADERS)
    assert same(tmp_path, "train.py", context).endings == [WELL]


def test_torch_stays_unloaded() -> None:
    code = "import sys, osler.runtime.script; sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(SRC)}, check=False
    )
    assert done.returncode == 0
