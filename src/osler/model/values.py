"""What the source speaks about: modules, optimizers, losses, loaders, tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from osler.model.finding import Place

Birth = tuple[int, tuple[int, ...]]
"""A number that no other value has, and the loops in which the value got its first name."""


class Value:
    """What an expression stands for, as far as reading can tell; a plain `Value` is unknown."""

    __slots__ = ("_birth",)
    _birth: Birth

    @property
    def birth(self) -> Birth | None:
        """None as long as it has no name."""
        return getattr(self, "_birth", None)

    def name_first(self, birth: Birth) -> None:
        """It gets its first name; a frozen value too, for it stays equal to what it was."""
        object.__setattr__(self, "_birth", birth)


@dataclass(slots=True, eq=False)
class Unknown(Value):
    """Nothing is known of it but its name; its attributes keep their identity."""

    name: str = ""
    parts: dict[str, Value] = field(default_factory=dict[str, Value])


@dataclass(slots=True, eq=False)
class Changing(Unknown):
    """A number or flag that a loop changes: its value is not known, but it is one."""


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


@dataclass(frozen=True, slots=True)
class Sizes(Value):
    """The sizes of a tensor, from an axis on to the last."""

    first: int = 0
    of: Value | None = None


@dataclass(slots=True, eq=False)
class Length(Unknown):
    """`len(…)` of a loader, of its data or of a list; unless ``plain`` computed on, perhaps a multiple."""

    of: Value = field(default_factory=Unknown)
    plain: bool = True
    times: bool = False


@dataclass(slots=True, eq=False)
class Turns(Unknown):
    """`range(…)` from 0 on in steps of 1, with the number at which it ends."""

    end: Value = field(default_factory=Unknown)


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
        """Registered modules and parameters directly below, with their names."""
        for name, part in self.parts.items():
            inner = part.value if isinstance(part, Maybe) else part
            if isinstance(inner, Tensor):
                inner = inner.leaf
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
        variants: the optimizers it may be, if branches build different ones.
        replaced: its name was given to another optimizer.
        seen: the modules whose parameters it held when it was built; parts may be exchanged later.
        clears: a method of its own clears gradients.
    """

    name: str
    made: str = ""
    place: Place = field(default_factory=Place)
    held: tuple[Value, ...] | None = None
    handed: bool = False
    options: Mapping[object, Value] = field(default_factory=dict[object, Value])
    variants: tuple[Optimizer, ...] = ()
    replaced: bool = False
    seen: frozenset[Network] = frozenset()
    clears: bool = False

    def holds(self, network: Network) -> bool | None:
        """Whether it steps on some parameter of the module; None if that is not known."""
        if self.held is None:
            return None
        below = {id(n) for n in network.walk()}
        above = {id(n) for h in self.held if isinstance(h, Network) for n in h.walk()}
        above |= {id(n) for n in self.seen}
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
        handed: it was given to other code, or to another schedule, which may use it.
    """

    role: str
    name: str = ""
    made: str = ""
    place: Place = field(default_factory=Place)
    options: Mapping[object, Value] = field(default_factory=dict[object, Value])
    about: Value | None = None
    handed: bool = False


@dataclass(frozen=True, slots=True)
class Activation:
    """What a tensor has just gone through.

    Attributes:
        name: ``softmax``, ``log_softmax``, ``sigmoid``, ``relu``, ``linear`` and others.
        place: where.
        before: the activation before it.
        layer: the linear layer or convolution whose columns these still are, not reshaped since.
    """

    name: str
    place: Place
    before: str = ""
    layer: Network | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """An operation that ends the graph, with the modules behind it."""

    operation: str
    place: Place
    networks: frozenset[Network]


@dataclass(slots=True, eq=False)
class Derivative:
    """What `autograd.grad` returned for data that went into a network, without a graph of its own.

    Attributes:
        place: the call.
        networks: layers that the differentiated value was computed with.
        explicit: ``create_graph=False`` is written out.
        fed: something made of it went into a network: it moves an input, as adversaries and samplers do.
    """

    place: Place
    networks: frozenset[Network]
    explicit: bool = False
    fed: bool = False


@dataclass(frozen=True, slots=True)
class Graphless:
    """How derivatives without a graph have entered a tensor, by arithmetic alone.

    Attributes:
        derivatives: which.
        stage: ``alone``: a term of its own, one number, which others may have joined; ``linear``: one value
            per entry, in sums with others that have no graph; ``bent``: the same after a power or a norm;
            ``mixed``: in sums, entry by entry, with what the same network computed.
    """

    derivatives: frozenset[Derivative]
    stage: str


@dataclass(frozen=True, slots=True)
class Shuffle:
    """An order that was drawn at random.

    Attributes:
        place: where it is drawn: the loader, or a function such as `randperm`.
        name: what the source calls the loader, or the function.
        kind: ``loader``: of its samples · ``indices``: of numbers · ``samples``: taken by such numbers.
        parts: it is that of each of several parts, as `split` makes them.
    """

    place: Place
    name: str
    kind: str
    parts: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Tensor(Value):
    """A tensor, or a number made from one.

    Attributes:
        networks: layers whose parameters its graph reaches.
        cuts: what ended the graph on the way here.
        activation: what it has just gone through.
        certain: all that went into it is known.
        batch: it is data that came from a loader.
        reduced: how a loss, or what a batch's answers are right, was reduced: ``mean``, ``sum``, ``none``,
            ``hits`` for the right answers themselves; empty for other tensors.
        leaf: the module whose parameter it is.
        models: root modules called on the way.
        number: a Python number.
        place: where it was computed.
        sites: where those root modules were called.
        rows: its first axis certainly is the batch that a loader handed out.
        carried: loops, by number, whose earlier turns its graph goes back into.
        gauge: it is a ``loss`` or an ``accuracy``, perhaps averaged: what is better when it falls, or rises.
        loaders: whose batches went in on the way, also through a loss or a total.
        graphless: derivatives without a graph that are part of it.
        shuffled: the random order in which its first axis is for certain.
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
    rows: bool = False
    gauge: str = ""
    loaders: frozenset[Loader] = frozenset()
    carried: frozenset[int] = frozenset()
    graphless: Graphless | None = None
    shuffled: Shuffle | None = None

    @property
    def has_graph(self) -> bool:
        """It certainly carries a graph."""
        return bool(self.networks)
