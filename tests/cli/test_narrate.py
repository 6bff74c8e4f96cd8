"""`dr replay narrate` says what is wrong with a part that nobody can tell."""

import pytest

from deadreckon.cli.app import front_door


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "name a day such as 2022-01-15, or --all, or --from and --to"),
        (["2022-01-15", "--all"], "name a day such as 2022-01-15, or --all, or --from and --to"),
        (["--from", "5", "--to", "2"], "two sequences from 1 on, the lower one first"),
        (["--to", "0"], "two sequences from 1 on, the lower one first"),
        (["15.1.2022"], "'15.1.2022' is not a day; write it as 2022-01-15"),
        (["--all", "--data", "nowhere"], "nowhere"),
    ],
)
def test_a_part_that_cannot_be_told_is_wrong_usage(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        front_door("replay")(["replay", "narrate", *words])
    assert end.value.code == 2
    assert says in capsys.readouterr().err
