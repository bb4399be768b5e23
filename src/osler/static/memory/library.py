"""What numpy, torch and Python do with memory: make an array, share it, change it in place."""

from __future__ import annotations

MAKES = frozenset(
    "zeros ones empty full eye arange linspace zeros_like ones_like empty_like full_like rand_like "
    "randn_like concatenate stack vstack hstack cat tile repeat_interleave meshgrid diag copy "
    "identity".split()
)
"""Functions of numpy and torch whose result is a new array with axes, whatever they are given."""

MAKES_OF_A_LIST = frozenset("array asarray tensor as_tensor asanyarray".split())
"""Functions whose result is a new array with axes if they are given a list that is written out."""

ELEMENTWISE = frozenset(
    "clip clamp abs sqrt exp log sin cos tanh sigmoid relu minimum maximum where roll flip add subtract "
    "sub multiply mul mod sign round floor ceil outer matmul sort argsort cumsum array_split softmax".split()
)
"""Functions whose result is an array if they are given one."""

DRAWS = frozenset("rand randn randint uniform normal random standard_normal integers choice".split())
"""Functions that draw an array if they are told its size, and a number if they are not."""

SHARES = frozenset(
    "numpy.asarray numpy.asanyarray numpy.ravel numpy.reshape numpy.squeeze numpy.transpose "
    "numpy.expand_dims numpy.atleast_1d numpy.atleast_2d torch.from_numpy torch.as_tensor torch.asarray "
    "torch.reshape torch.squeeze torch.unsqueeze torch.transpose torch.nn.Parameter "
    "torch.nn.parameter.Parameter torch.autograd.Variable".split()
)
"""Functions whose result is, or may be, the memory of their first argument."""

VIEWS = frozenset(
    "view reshape ravel squeeze unsqueeze transpose permute swapaxes detach numpy view_as expand detach_ "
    "requires_grad_ share_memory_".split()
)
"""Methods of arrays whose result is the same memory."""

SAME = frozenset({"T", "data", "mT", "real"})
"""Attributes of arrays that are the same memory."""

COPIES = frozenset("copy clone astype double half float long int flatten tolist cpu cuda to".split())
"""Methods of arrays whose result is, or may be, new memory."""

NO_CHANGE = frozenset(
    "requires_grad_ detach_ share_memory_ retain_grad pin_memory_ register_hook is_shared_ squeeze_ "
    "unsqueeze_ t_ transpose_ swapaxes_ swapdims_ rename_".split()
)
"""Methods whose name ends as if they changed the numbers of an array in place."""

IN_PLACE = frozenset(
    "add_ sub_ mul_ div_ copy_ zero_ fill_ lerp_ clamp_ normal_ uniform_ addcmul_ addcdiv_ masked_fill_ "
    "index_copy_ scatter_".split()
)
"""Methods of tensors that change them in place, by names that nothing else has."""

CHANGES = frozenset("fill itemset byteswap".split())
"""Methods of numpy arrays that change them in place."""

CHANGES_FIRST = frozenset(
    "numpy.copyto numpy.put numpy.place numpy.putmask numpy.fill_diagonal numpy.random.shuffle "
    "random.shuffle numpy.put_along_axis".split()
)
"""Functions that change their first argument in place."""

ADDS = frozenset("append appendleft add put".split())
"""Methods that put one thing into a list, a queue or a set."""

TAKES, TAKES_FIRST = frozenset({"pop"}), frozenset({"popleft", "get", "get_nowait"})

FORGETS = frozenset("clear remove discard sort reverse rotate".split())
"""Methods of a list behind which it is not known what lies where."""

LISTS = frozenset(
    "list collections.deque deque queue.Queue queue.SimpleQueue set multiprocessing.Queue".split()
)

LOOKS_ONLY = frozenset(
    "print len isinstance type id repr str format hasattr callable print_ pprint numpy.shape numpy.ndim "
    "numpy.size numpy.shares_memory numpy.may_share_memory numpy.zeros_like numpy.ones_like "
    "numpy.empty_like numpy.full_like torch.zeros_like torch.ones_like torch.empty_like torch.full_like "
    "torch.rand_like torch.randn_like torch.is_tensor".split()
)
"""Functions that do not compute with what an array holds."""

TELLS = frozenset("debug info warning error log write print exception critical".split())
"""Methods that only tell a reader something."""

SHAPES = frozenset(
    "shape dtype device ndim size dim numel nbytes itemsize flags data_ptr stride is_contiguous "
    "nelement".split()
)
"""Attributes of an array that say nothing of what it holds."""

HARMLESS_BASES = (
    "gym.",
    "gymnasium.",
    "abc.",
    "torch.nn.",
    "builtins.",
    "typing.",
    "object",
    "collections.abc.",
)
"""Classes from outside that change no attribute of whoever is made from them, or only their own."""

RECORDS = frozenset(
    {"collections.namedtuple", "typing.NamedTuple", "dataclasses.dataclass", "attr.s", "attrs.define"}
)
"""What makes a class that only holds what it is given."""

PASSES_ON = frozenset("tuple iter reversed sorted zip enumerate".split())


def is_layer(name: str) -> bool:
    """A class of layers, by its full name."""
    return name.startswith("torch.nn.") and name.rpartition(".")[2][:1].isupper()


def is_optimizer(name: str) -> bool:
    """A class of optimizers, by its full name."""
    return (
        name.startswith("torch.optim.")
        and "lr_scheduler" not in name
        and name.rpartition(".")[2][:1].isupper()
    )


def is_numeric(name: str) -> bool:
    """A function of numpy or torch."""
    return name.startswith(("numpy.", "torch."))
