"""What networks are called whose BatchNorm statistics stay."""

import pytest

from osler.model import FollowFact, UnmovedNormFact


@pytest.mark.parametrize(
    ("part", "leader_part", "names"),
    [("", "", ("Net", "Teacher")), ("body", "", ("body", "Teacher")), ("", "ema.net", ("Net", "ema.net"))],
)
def test_a_network_is_called_by_its_part_or_by_its_model(
    part: str, leader_part: str, names: tuple[str, str]
) -> None:
    follow = FollowFact("Net", part, "Teacher", leader_part, 1.0)
    norm = UnmovedNormFact("Net", part, "Teacher", leader_part, (), ("bn",))
    assert (follow.name, follow.leader_name) == (norm.name, norm.leader_name) == names


def test_one_that_learns_itself_follows_nobody() -> None:
    assert UnmovedNormFact("Net", "", "", "", (), ("bn",)).leader_name == ""
