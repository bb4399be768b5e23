"""Put probes in place without the script being able to tell, and take every one of them out again."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]
Wrap = Callable[[Function], Function]


class Patches:
    """Everything that was changed in the process, so that it can be undone.

    Methods of classes are rebound. Plain functions keep their identity and get other code instead, because
    a rebound function breaks `torch.jit.script`, `torch.save` and references taken before attaching
    (measured; see `../shared/notes/observe.md`).
    """

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self.names: list[tuple[Any, str]] = []

    def rebind(self, owner: Any, name: str, wrap: Wrap) -> None:
        """Replace an attribute of a class or module.

        Args:
            owner: class or module that holds the attribute itself.
            name: attribute to replace; skipped if the owner lacks it (another torch version).
            wrap: gets the original function, returns the replacement.
        """
        original = vars(owner).get(name)
        if original is None:
            return
        replacement = functools.update_wrapper(wrap(original), original)
        setattr(owner, name, replacement)
        self.names.append((owner, name))
        self._undo.append(functools.partial(restore, owner, name, replacement, original))

    def swap(self, function: Any, wrap: Wrap) -> None:
        """Give a plain function other code that calls the replacement.

        The name, signature, defaults, file name and first line stay, so references taken earlier, pickling,
        scripting and `inspect.getsource` see what they always saw.

        Args:
            function: a Python function; closures are kept.
            wrap: gets a twin of the original function, returns the replacement.
        """
        code = function.__code__
        scope = function.__globals__
        twin = types.FunctionType(code, scope, function.__name__, function.__defaults__, function.__closure__)
        twin.__kwdefaults__ = function.__kwdefaults__
        bridge = f"_osler_{function.__module__.rpartition('.')[2]}_{function.__name__}"
        while bridge in scope:  # functions of one name in one module, or a second change of the same
            bridge += "_"
        scope[bridge] = wrap(twin)
        function.__code__ = trampoline(code, bridge)
        self._undo.append(functools.partial(unswap, function, code, scope, bridge))

    def undo(self) -> None:
        """Restore every name and every code object, last change first."""
        while self._undo:
            self._undo.pop()()
        self.names.clear()

    def on_undo(self, action: Callable[[], None]) -> None:
        """Run an action when everything is restored, for example removing a hook."""
        self._undo.append(action)


def transparent(function: types.FunctionType) -> types.FunctionType:
    """Let warnings look through a replacement: their ``stacklevel`` counts on to the script's own line.

    `warnings` passes over the frames of the import system, which it knows by words in their file's name.
    """
    code = function.__code__
    function.__code__ = code.replace(co_filename=f"{code.co_filename} (importlib._bootstrap)")
    return function


def restore(owner: Any, name: str, replacement: Function, original: Function) -> None:
    """Put the original back, unless the script has meanwhile put something of its own there."""
    if vars(owner).get(name) is replacement:
        setattr(owner, name, original)


def unswap(function: Any, code: types.CodeType, scope: dict[str, Any], bridge: str) -> None:
    """Give a function its own code back."""
    function.__code__ = code
    scope.pop(bridge, None)


def trampoline(code: types.CodeType, bridge: str) -> types.CodeType:
    """Code with the signature, free variables, file and line of ``code`` that calls the global ``bridge``."""
    parameters, passed = signature(code)
    free = code.co_freevars
    lines = ["def factory():"]
    lines += [f"    {name} = None" for name in free]
    lines += [f"    def {code.co_name}({parameters}):"]
    lines += [f"        {name}" for name in free]
    lines += [f"        return {bridge}({passed})", f"    return {code.co_name}"]
    space: dict[str, Any] = {}
    exec(compile("\n".join(lines), code.co_filename, "exec"), space)
    inner = next(c for c in space["factory"].__code__.co_consts if isinstance(c, types.CodeType))
    return inner.replace(
        co_filename=code.co_filename, co_firstlineno=code.co_firstlineno, co_qualname=code.co_qualname
    )


def signature(code: types.CodeType) -> tuple[str, str]:
    """The parameter list of a code object without defaults, and the arguments that pass it on."""
    names = list(code.co_varnames)
    positional = names[: code.co_argcount]
    keyword = names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    rest = names[code.co_argcount + code.co_kwonlyargcount :]
    star = f"*{rest.pop(0)}" if code.co_flags & 0x04 else ""
    double = f"**{rest.pop(0)}" if code.co_flags & 0x08 else ""
    declared = list(positional)
    if code.co_posonlyargcount:
        declared.insert(code.co_posonlyargcount, "/")
    if star or keyword:
        declared.append(star or "*")
    declared += keyword
    passed = [*positional, *([star] if star else []), *(f"{k}={k}" for k in keyword)]
    if double:
        declared.append(double)
        passed.append(double)
    return ", ".join(declared), ", ".join(passed)
