"""Tables where TOML has an array of them, and arrays where it has one table: the message shows the brackets."""

from pathlib import Path

import pytest

from sim.batch.study import load_study
from sim.campaign.affording.organisations import read_organisations
from sim.campaign.forms.load import load_campaign
from sim.errors import InputError
from sim.scenario import load_scenario

STUDY = 'name = "x"\nquestion = "q"\nbase = "tiny"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'extends = "tiny"\n[failures.causes]\nname = "a"\nmean = "1 d"\n',
            "failures.causes: got one table with name, mean; expected an array of tables: each begins with "
            "[[failures.causes]], not [failures.causes]",
        ),
        ('extends = "tiny"\n[training.phases]\ntokens = 3\n', "[[training.phases]], not [training.phases]"),
        ('extends = "tiny"\n[checkpoint.tiers]\nkind = "remote"\n', "[[checkpoint.tiers]], not [checkpoint.tiers]"),
        ('extends = "tiny"\n[[run]]\nseed = 1\n', "run: got an array of tables, [[run]]; expected one table: [run]"),
    ],
)
def test_a_scenario_shows_the_brackets_that_it_expects(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(f'name = "own"\n{text}')
    with pytest.raises(InputError) as refused:
        load_scenario(str(path))
    assert said in str(refused.value)


@pytest.mark.parametrize("table", ["axes", "variants"])
def test_a_study_shows_the_brackets_that_it_expects(tmp_path: Path, table: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(f'{STUDY}[{table}]\nkey = "failures.scale"\nvalues = [1, 2]\n')
    with pytest.raises(InputError) as refused:
        load_study(str(path))
    assert f"{table}: got one table with key, values; expected an array of tables" in str(refused.value)
    assert f"each begins with [[{table}]], not [{table}]" in str(refused.value)


def test_a_list_of_values_asks_for_no_brackets(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(f'{STUDY}[[axes]]\nkey = "failures.scale"\nvalues = {{ a = 1 }}\n')
    with pytest.raises(InputError) as refused:
        load_study(str(path))
    assert "axes.0.values: got {'a': 1}, expected a list" in str(refused.value)
    assert "[[" not in str(refused.value)


def test_a_campaign_and_its_organisations_show_them_too(tmp_path: Path) -> None:
    campaign, organisations = tmp_path / "c.toml", tmp_path / "o.toml"
    campaign.write_text('name = "x"\n[runs]\nname = "a"\n')
    organisations.write_text('[organisations]\nname = "a"\n')
    with pytest.raises(InputError, match=r"\[\[runs\]\], not \[runs\]"):
        load_campaign(str(campaign))
    with pytest.raises(InputError, match=r"got one table; expected an array of tables: \[\[organisations\]\]"):
        read_organisations(str(organisations))
