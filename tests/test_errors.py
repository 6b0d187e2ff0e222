"""An error for an unknown name stays readable."""

from sim.errors import unknown_name


def test_a_long_list_of_known_names_is_cut() -> None:
    known = [f"name-{i:02d}" for i in range(40)]
    text = str(unknown_name("thing", "name-39x", known))
    assert "did you mean 'name-39'?" in text
    assert text.endswith("name-11 and 28 more")
