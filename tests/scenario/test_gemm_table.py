"""[cluster] gemm_table: a file of measured products beside a scenario."""

from pathlib import Path

import pytest

from sim.errors import InputError
from sim.scenario import load_scenario, scenario_of
from sim.scenario.canonical import canonical_text
from sim.simulate import simulate_step_of
from tests.scenario.trees import WITH_MODEL, WITHOUT_MODEL, changed


def written(folder: Path, *lines: str) -> str:
    path = folder / "my_gemms.csv"
    path.write_text("\n".join(["precision,m,n,k,tflops", *lines]) + "\n")
    return str(path)


def test_slower_products_make_a_slower_step_and_another_run(tmp_path: Path) -> None:
    plain = scenario_of(WITH_MODEL, "file.toml")
    table = written(tmp_path, "bf16,8192,8192,8192,350", "bf16,4096,8192,8192,330")
    slow = scenario_of(changed(WITH_MODEL, cluster__gemm_table=table), "file.toml")
    assert slow.machines.accelerator.gemm["bf16"].asymptote < 0.6 * plain.machines.accelerator.gemm["bf16"].asymptote
    times_s = [simulate_step_of(each, None).profile.step_time_s for each in (plain, slow)]
    assert times_s[1] > 1.3 * times_s[0]
    assert canonical_text(slow) != canonical_text(plain)


def test_a_bad_line_is_an_error_of_the_scenario_with_key_file_and_line(tmp_path: Path) -> None:
    table = written(tmp_path, "bf16,8192,8192,8192,350", "bf16,8192,8192,many,350")
    with pytest.raises(InputError, match=r"^file.toml: cluster.gemm_table: .*my_gemms.csv: line 3: k: got 'many'"):
        scenario_of(changed(WITH_MODEL, cluster__gemm_table=table), "file.toml")


def test_a_table_needs_a_model(tmp_path: Path) -> None:
    table = written(tmp_path, "bf16,8192,8192,8192,350")
    with pytest.raises(InputError, match=r"cluster.gemm_table: needs a \[model\]"):
        scenario_of(changed(WITHOUT_MODEL, cluster__gemm_table=table), "file.toml")


def test_a_file_names_its_table_from_its_own_folder(tmp_path: Path) -> None:
    written(tmp_path, "bf16,8192,8192,8192,250")
    text = 'name = "mine"\nextends = "gpt3-175b"\n[cluster]\ngemm_table = "my_gemms.csv"\n'
    (tmp_path / "mine.toml").write_text(text)
    assert load_scenario(str(tmp_path / "mine.toml")).machines.accelerator.measured_gemm
