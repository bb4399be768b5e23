"""What reading the source tells: values, actions in trees, and calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from osler.model.event import Kind
from osler.model.finding import Place


class Value:
    """What an expression stands for, as far as reading can tell; a plain `Value` is unknown."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class Unknown(Value):
    """Nothing is known of it but its name; its attributes keep their identity."""

    name: str = ""
    parts: dict[str, Value] = field(default_factory=dict[str, Value])


@dataclass(frozen=True, slots=True)
class Const(Value):
    """A number, text, truth value or None."""

    value: object


@dataclass(slots=True, eq=False)
class Series(Value):
    """A list, tuple or set; ``whole`` if nothing else can be in it."""

    items: list[Value]
    kind: str = "list"
    whole: bool = True
    place: Place = field(default_factory=Place)


@dataclass(slots=True, eq=False)
class Table(Value):
    """A dict with constant keys."""

    items: dict[object, Value]
    whole: bool = True
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class External(Value):
    """Something imported from outside the linted files, by its full dotted name."""

    name: str

    @property
    def last(self) -> str:
        """The part after the last dot."""
        return self.name.rpartition(".")[2]

    @property
    def is_torch(self) -> bool:
        """It belongs to torch itself."""
        return self.name.partition(".")[0] == "torch"


@dataclass(slots=True, eq=False)
class Maybe(Value):
    """This value, or None."""

    value: Value


@dataclass(slots=True, eq=False)
class Network(Value):
    """A module: an instance of `nn.Module` or of a class made from it.

    Attributes:
        name: what the source calls it.
        layer: full name of its class if that comes from outside, for example ``torch.nn.Linear``.
        place: where it is built.
        options: arguments of a layer from outside, by position (``0``) or name.
        parts: attributes of a module of the user's; a container's items by index.
        known: its class was read, or is a layer of torch.
        pretrained: its weights come from elsewhere.
        frozen: ``requires_grad`` was switched off somewhere, for all or part of it.
        loaded: weights were loaded into it.
        switches: its forward asks ``self.training``.
        handed: it was given to code that could not be read.
        variants: the modules it may be, if branches build different ones.
    """

    name: str
    layer: str = ""
    place: Place = field(default_factory=Place)
    options: Mapping[object, Value] = field(default_factory=dict[object, Value])
    parts: dict[str, Value] = field(default_factory=dict[str, Value])
    known: bool = True
    pretrained: bool = False
    frozen: bool = False
    loaded: bool = False
    switches: bool = False
    handed: bool = False
    variants: tuple[Network, ...] = ()

    @property
    def kind(self) -> str:
        """The last part of the class name from outside."""
        return self.layer.rpartition(".")[2]

    def children(self) -> Iterator[tuple[str, Network]]:
        """Registered modules directly below, with their names."""
        for name, part in self.parts.items():
            inner = part.value if isinstance(part, Maybe) else part
            if isinstance(inner, Network):
                yield name, inner
        for variant in self.variants:
            yield "", variant

    def walk(self) -> Iterator[Network]:
        """This module and all registered ones below it, each once."""
        seen: set[int] = set()
        todo: list[Network] = [self]
        while todo:
            network = todo.pop()
            if id(network) not in seen:
                seen.add(id(network))
                yield network
                todo.extend(child for _, child in network.children())


@dataclass(slots=True, eq=False)
class Parameters(Value):
    """`model.parameters()`, or some of them.

    Attributes:
        owners: modules they belong to; a tensor stands for itself.
        whole: all of them.
        known: it is certain that there are no others.
    """

    owners: tuple[Value, ...]
    whole: bool = True
    known: bool = True
    named: bool = False


@dataclass(slots=True, eq=False)
class Optimizer(Value):
    """An optimizer.

    Attributes:
        name: what the source calls it.
        made: full name of its class, empty if it is only taken for one by its name or use.
        place: where it is built.
        held: modules whose parameters it holds, None if that is not known.
        handed: it was given to code that could not be read.
        options: arguments by position or name.
    """

    name: str
    made: str = ""
    place: Place = field(default_factory=Place)
    held: tuple[Value, ...] | None = None
    handed: bool = False
    options: Mapping[object, Value] = field(default_factory=dict[object, Value])
    variants: tuple[Optimizer, ...] = ()

    def holds(self, network: Network) -> bool | None:
        """Whether it steps on some parameter of the module; None if that is not known."""
        if self.held is None:
            return None
        below = {id(n) for n in network.walk()}
        above = {id(n) for h in self.held if isinstance(h, Network) for n in h.walk()}
        return bool(below & above)


@dataclass(slots=True, eq=False)
class Loss(Value):
    """A loss function object, such as ``nn.CrossEntropyLoss()``."""

    made: str
    place: Place
    options: Mapping[object, Value] = field(default_factory=dict[object, Value])


@dataclass(slots=True, eq=False)
class Loader(Value):
    """A data loader, or what is taken for one.

    Attributes:
        name: what the source calls it.
        made: full name of its class, empty if it is only taken for one.
        options: arguments by position or name.
        is_batch: one pass yields batches for certain.
    """

    name: str
    made: str = ""
    place: Place = field(default_factory=Place)
    options: Mapping[object, Value] = field(default_factory=dict[object, Value])


@dataclass(slots=True, eq=False)
class Helper(Value):
    """A scheduler, gradient scaler or framework object.

    Attributes:
        role: ``schedule``, ``scaler``, ``accelerator``, ``engine``, ``trainer``.
        made: full name of its class.
        about: the optimizer it belongs to, if known.
    """

    role: str
    name: str = ""
    made: str = ""
    place: Place = field(default_factory=Place)
    options: Mapping[object, Value] = field(default_factory=dict[object, Value])
    about: Value | None = None


@dataclass(frozen=True, slots=True)
class Activation:
    """What a tensor has just gone through: ``softmax``, ``log_softmax``, ``sigmoid``, ``relu`` and others."""

    name: str
    place: Place
    before: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """An operation that ends the graph, with the modules behind it."""

    operation: str
    place: Place
    networks: frozenset[Network]


@dataclass(frozen=True, slots=True, eq=False)
class Tensor(Value):
    """A tensor, or a number made from one.

    Attributes:
        networks: layers whose parameters its graph reaches.
        cuts: what ended the graph on the way here.
        activation: what it has just gone through.
        certain: all that went into it is known.
        batch: it is data that came from a loader.
        reduced: how a loss was reduced: ``mean``, ``sum``, ``none``; empty for other tensors.
        leaf: the module whose parameter it is.
        models: root modules called on the way.
        number: a Python number.
        place: where it was computed.
        sites: where those root modules were called.
    """

    networks: frozenset[Network] = frozenset()
    cuts: frozenset[Cut] = frozenset()
    activation: Activation | None = None
    certain: bool = True
    batch: Loader | None = None
    reduced: str = ""
    leaf: Value | None = None
    models: frozenset[Network] = frozenset()
    number: bool = False
    place: Place = field(default_factory=Place)
    sites: frozenset[Place] = frozenset()

    @property
    def has_graph(self) -> bool:
        """It certainly carries a graph."""
        return bool(self.networks)


@dataclass(slots=True, eq=False)
class Action:
    """Something the source does; equal in meaning to an `Event` of a run.

    Attributes:
        kind: what is done.
        place: the line.
        subject: the module, optimizer, loader or helper concerned, None if unknown.
        value: what goes in: the input of a loss, the root of a backward.
        recording: gradient recording is on, off, or None where the caller decides.
        words: what else is true of it: ``train``, ``eval``, ``closure``, ``retain``, ``managed`` …
        callers: lines of the calls that lead here, innermost first.
        target: what a loss compares the value with.
    """

    kind: Kind
    place: Place
    subject: Value | None = None
    value: Value | None = None
    recording: bool | None = True
    words: frozenset[str] = frozenset()
    callers: tuple[Place, ...] = ()
    target: Value | None = None

    @property
    def site(self) -> tuple[Place, ...]:
        """The line and the lines of the calls that lead to it."""
        return (self.place, *self.callers[:2])


@dataclass(slots=True, eq=False)
class Branch:
    """Alternatives; the first is taken when the condition holds.

    Attributes:
        key: equal for conditions that certainly have the same value; empty if that is not known.
        ways: one tree each.
    """

    key: str
    ways: list[list[Node]]


@dataclass(slots=True, eq=False)
class Loop:
    """A body that repeats.

    Attributes:
        over: what is iterated, None for `while`.
        body: one turn.
        place: the line of its head.
        once: unrolled; the body is one turn of many.
        framework: the framework repeats it.
        number: marks conditions whose value changes from turn to turn.
    """

    over: Value | None
    body: list[Node]
    place: Place
    once: bool = False
    framework: bool = False
    number: int = 0


@dataclass(slots=True, eq=False)
class Call:
    """A call of the user's own function, with what it does."""

    function: str
    place: Place
    body: list[Node]


@dataclass(slots=True, eq=False)
class Exit:
    """``return``, ``raise``, ``break`` or ``continue``."""

    kind: str


Node = Action | Branch | Loop | Call | Exit


@dataclass(slots=True, eq=False)
class Trace:
    """One way into the program.

    Attributes:
        nodes: what is done, as a tree.
        entry: the function, or empty for a module's own lines.
        place: where it begins.
        is_open: callers are not known, so that mode and recording may be set by them.
    """

    nodes: list[Node]
    entry: str
    place: Place
    is_open: bool = False


@dataclass(slots=True, eq=False)
class CallFact:
    """A call of a function from outside, or of a method of a tensor.

    Attributes:
        name: full name, ``Tensor.view`` for methods of tensors.
        place: the line.
        arguments: by position (``0``) or name; a tensor's method has it at 0.
        guards: source of the conditions it stands under, in its own function.
        spread: arguments are unpacked with ``*`` or ``**``, so that others may be given.
        target: what the source assigns the result to.
        recording: gradient recording is on, off, or None where the caller decides.
        network: the module in whose method it stands.
        loops: what the loops around it iterate, innermost last, in its own function.
    """

    name: str
    place: Place
    arguments: Mapping[object, Value]
    guards: tuple[str, ...] = ()
    spread: bool = False
    target: str = ""
    recording: bool | None = True
    network: Network | None = None
    loops: tuple[Value | None, ...] = ()

    @property
    def last(self) -> str:
        """The part of the name after the last dot."""
        return self.name.rpartition(".")[2]

    def argument(self, position: int, name: str) -> Value | None:
        """An argument given by position or name; None if it is left out."""
        return self.arguments.get(name, self.arguments.get(position))

    def given(self, position: int, name: str) -> bool:
        """It is given, or may be."""
        return self.spread or self.argument(position, name) is not None


def flat(nodes: list[Node]) -> Iterator[Action]:
    """Every action of a tree, in the order of the source."""
    for node in nodes:
        match node:
            case Action():
                yield node
            case Branch():
                for way in node.ways:
                    yield from flat(way)
            case Loop() | Call():
                yield from flat(node.body)
            case Exit():
                pass
