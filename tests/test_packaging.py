"""Files that nothing else runs: the container, what is said to whoever cites, reports and contributes."""

import re
from pathlib import Path

import pytest

import cgdenoise

ROOT = Path(cgdenoise.__file__).parents[1]
DOCKER = [
    line for line in (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines() if line and not line.startswith("#")
]
TORCH = re.search(r"torch==([\d.]+)", (ROOT / "README.md").read_text()).group(1)


def test_the_container_runs_the_command_in_data_and_not_as_root():
    last = DOCKER[max(number for number, line in enumerate(DOCKER) if line.startswith("FROM")) :]
    assert [line for line in last if line.startswith(("USER", "WORKDIR", "ENTRYPOINT"))] == [
        "USER 1000",
        "WORKDIR /data",
        'ENTRYPOINT ["cgdenoise"]',
    ]
    assert not [line for line in last[last.index("USER 1000") :] if line.startswith("RUN")]


def test_all_files_name_the_same_torch_and_version():
    assert f"ARG TORCH={TORCH}" in DOCKER
    for file in (".ci/run", ".github/workflows/release.yml"):
        assert set(re.findall(r"torch==([\d.]+)", (ROOT / file).read_text())) == {TORCH}
    assert f"\nversion: {cgdenoise.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {cgdenoise.__version__}\n" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(name):
    links = re.findall(r"\]\((?!http)([^)#\s]+)", (ROOT / name).read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []
