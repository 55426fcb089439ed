"""A flag goes before a variable, that before the file, the file before a default; what is wrong in the file has a line."""

import json

import pytest

from cgdenoise.cli import app


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in ("CGDENOISE_SEED", "CGDENOISE_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def held(cli):
    """Return what `config` says of the options of a command: value and source by name."""

    def run(command, *args):
        outcome = cli("config", command, "--json", *args)
        assert (outcome.code, outcome.err) == (0, "")
        return {found["option"]: (found["value"], found["source"]) for found in map(json.loads, outcome.out.splitlines())}

    return run


@pytest.fixture
def seed(cli, folder, noisy_png):
    """Return the seed that a run of `denoise` used, which its log has."""

    def run(*args):
        outcome = cli("denoise", "noisy.png", "--max-iterations", "5", "--members", "1", "--force", "-q", *args)
        assert outcome.code == 0, outcome.err
        return json.loads((folder / "noisy_denoised.fit.jsonl").read_text().splitlines()[0])["options"]["seed"]

    return run


def test_flag_variable_file_default(light, folder, monkeypatch, seed, held):
    monkeypatch.setenv("CGDENOISE_PRESET", "fast")
    monkeypatch.setenv("CGDENOISE_DEVICE", "cpu")
    monkeypatch.setenv("CGDENOISE_THREADS", "1")
    assert (seed(), held("denoise")["seed"]) == (0, (0, "default"))
    (folder / "cgdenoise.toml").write_text("seed = 1\n")
    assert (seed(), held("denoise")["seed"]) == (1, (1, "cgdenoise.toml"))
    (folder / "other.toml").write_text("seed = 2\n[denoise]\nseed = 3\n[inpaint]\nseed = 4\n")
    assert (seed("--config", "other.toml"), held("denoise", "--config", "other.toml")["seed"]) == (3, (3, "other.toml"))
    monkeypatch.setenv("CGDENOISE_CONFIG", "other.toml")
    assert (seed(), held("inpaint")["seed"], held("deblur")["seed"]) == (3, (4, "other.toml"), (2, "other.toml"))
    monkeypatch.setenv("CGDENOISE_SEED", "5")
    assert (seed(), held("denoise")["seed"]) == (5, (5, "CGDENOISE_SEED"))
    assert seed("--seed", "6") == 6


def test_values_of_all_kinds(folder, monkeypatch, held):
    (folder / "cgdenoise.toml").write_text(
        'preset = "fast"\nforce = true\nmax_iterations = 9\nhold-out = 0.1\nmemory = 2000000\n[denoise]\non-exists = "skip"\n'
    )
    monkeypatch.setenv("CGDENOISE_QUIET", "1")
    monkeypatch.setenv("CGDENOISE_JSON", "false")
    found = held("denoise")
    names = ("preset", "force", "max-iterations", "hold-out", "memory", "on-exists", "quiet", "json")
    assert [found[name][0] for name in names] == ["fast", True, 9, 0.1, "2000000", "skip", True, False]


def test_without_a_command_what_is_set_is_listed(cli, folder, monkeypatch):
    assert cli("config").out.startswith("all options have their defaults")
    (folder / "cgdenoise.toml").write_text("[noise]\noffset = 100\n")
    assert cli("config").out == "noise:\n  offset = 100.0  (cgdenoise.toml)\n"
    monkeypatch.setenv("CGDENOISE_SEDE", "1")
    assert "warning: CGDENOISE_SEDE is the variable of no option" in cli("config").err


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sede = 1", "cgdenoise.toml: sede is no option of any command; expected seed, perhaps"),
        ("[denoise]\nfactor = 2", "cgdenoise.toml: factor is no option of denoise; cgdenoise config COMMAND lists them"),
        ("[denose]\nseed = 2", "cgdenoise.toml: denose is no command; expected denoise, perhaps"),
        ("seed = 'x'", "cgdenoise.toml: seed = 'x': "),
        ("seed = -1", "cgdenoise.toml: seed = -1: "),
        ("preset = 'quick'", "cgdenoise.toml: preset = 'quick': "),
        ("seed = true", "cgdenoise.toml: seed = True; expected a number or a string"),
        ("force = 1", "cgdenoise.toml: force = 1; expected true or false"),
        ("seed = [1]", "cgdenoise.toml: seed = [1]; expected a number or a string"),
        ("seed = ", "cgdenoise.toml: Invalid value"),
        ("inputs = 'a.png'", "cgdenoise.toml: inputs is no option of any command"),
    ],
)
def test_what_is_wrong_in_the_file_has_one_line(refused_denoise, folder, noisy_png, text, line):
    (folder / "cgdenoise.toml").write_text(text)
    assert line in refused_denoise("noisy.png", names="cgdenoise.toml", code=2)


def test_other_files_and_variables_have_one_line_too(refused, folder, noisy_png, monkeypatch):
    refused("info", "noisy.png", "--config", "absent.toml", names="absent.toml: cannot be read", code=2)
    (folder / "binary.toml").write_bytes(b"\xff\xfe\0")
    refused("info", "noisy.png", "--config", "binary.toml", names="binary.toml: ", code=2)
    monkeypatch.setenv("CGDENOISE_THREADS", "many")
    refused("info", "noisy.png", names="CGDENOISE_THREADS = 'many'", code=2)


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("on-exists = 'skip'", ["--force"]),
        ("log = 'logs/'", ["--no-log"]),
        ("[denoise]\nsigma = 9", ["--noise-file", "law.json"]),
    ],
)
def test_a_flag_undoes_what_it_contradicts(cli, denoise, folder, noisy_png, text, flags):
    cli("noise", "noisy.png", "--save-noise", "law.json")
    (folder / "cgdenoise.toml").write_text(text)
    outcome = denoise("noisy.png", *flags)
    assert (outcome.code, outcome.err) == (0, "")


def test_every_command_takes_a_file(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    for command in app.COMMANDS:
        assert "--config" in cli(command.__name__, "--help").out
