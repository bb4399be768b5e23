from osler.model import OutsideFact


def test_full_name() -> None:
    fact = OutsideFact("gate", "Net", (), "relu()", elements=1, lowest=0.0, highest=0.0)
    assert fact.full_name == "Net.gate"
    loose = OutsideFact("gate", "", (), "relu()", elements=1, lowest=0.0, highest=0.0)
    assert loose.full_name == "gate"
