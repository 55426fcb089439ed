"""`report`: results as web pages that stand alone."""

import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from cgdenoise.images import write_image
from cgdenoise.jobs.report import load, page_of

CHROMIUM = shutil.which("chromium")


@pytest.fixture
def reported(cli):
    def run(*args):
        outcome = cli("report", *args)
        assert (outcome.code, outcome.err) == (0, "")
        return outcome.out

    return run


@pytest.fixture
def log(restored, folder, noisy_png):
    restored("noisy.png", "-q")
    return "noisy_denoised.fit.jsonl"


def test_a_page_holds_all_that_it_shows(reported, folder, log):
    assert reported(log) == "noisy_denoised.fit.html\n"
    page = (folder / "noisy_denoised.fit.html").read_text()
    assert re.findall(r'id="(\w+)"', page)[:3] == ["before", "after", "removed"]
    sources = re.findall(r'(?:src|href)="([^"]*)', page)
    assert sources
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "Made of: <b>the generator</b>" in page
    assert "cgdenoise denoise noisy.png -o noisy_denoised.png --preset fast --members 1 --max-iterations 20 --device cpu" in page
    assert "<svg" in page


def test_a_folder_for_a_single_result_has_its_page_as_index(reported, folder, log):
    assert reported(log, "-o", "pages") == "pages/index.html\n"
    assert "Made of: <b>the generator</b>" in (folder / "pages" / "index.html").read_text()


def test_a_picture_that_was_changed_since_is_not_shown(reported, folder, log, clean):
    Image.fromarray(clean).save("noisy.png")
    reported(log)
    page = (folder / "noisy_denoised.fit.html").read_text()
    assert 'id="after"' in page
    assert 'id="before"' not in page
    (folder / "noisy_denoised.png").unlink()
    reported(log, "--force")
    assert "not there any more" in (folder / "noisy_denoised.fit.html").read_text()


@pytest.mark.parametrize("name", ["stack.npy", "picture.zarr"])
def test_arrays_with_named_axes_and_folders_are_shown(restored, folder, noisy, name):
    if name == "stack.npy":
        np.save(name, noisy[None])
    else:
        pytest.importorskip("zarr")
        write_image(name, noisy)
    restored(name, "-q", "--report", "page.html", *["--axes", "ZYXC"] * (name == "stack.npy"))
    assert re.findall(r'id="(\w+)"', (folder / "page.html").read_text())[:3] == ["before", "after", "removed"]


def test_several_results_get_an_index_of_which_the_doubtful_come_first(reported, restored, folder, log, noisy):
    tifffile.imwrite("stack.tif", np.stack([noisy, noisy[::-1]]), photometric="rgb")
    restored("stack.tif", "-q")
    lines = [json.loads(line) for line in (folder / "stack_denoised.fit.jsonl").read_text().splitlines()]
    lines[-1]["warnings"] = ["<b>odd</b>"]
    (folder / "stack_denoised.fit.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert reported(log, "stack_denoised.fit.jsonl", "-o", "pages") == "pages/index.html\n"
    index = (folder / "pages" / "index.html").read_text()
    assert "3 results, 1 to be looked at" in index
    assert re.findall(r'href="(\d+.html)"', index) == ["0003.html", "0001.html", "0002.html"]
    assert "&lt;b&gt;odd&lt;/b&gt;" in index
    assert "stack_denoised.tif, page 2 of 2" in (folder / "pages" / "0003.html").read_text()


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["noisy.png"], 1, "noisy.png: not a fit log"),
        (["missing.fit.jsonl"], 1, "missing.fit.jsonl: cannot be read"),
        (["LOG", "-o", "x.png"], 2, "x.png: no web page"),
        (["LOG", "LOG"], 2, "several results; expected -o FOLDER"),
        (["LOG", "-o", "there.html"], 1, "there.html: exists"),
    ],
)
def test_what_cannot_be_reported_is_said_in_a_line(cli, folder, log, args, code, told):
    (folder / "there.html").write_text("mine")
    outcome = cli("report", *(log if arg == "LOG" else arg for arg in args))
    assert outcome.code == code
    assert told in outcome.err
    assert outcome.err.count("\n") == 1
    assert (folder / "there.html").read_text() == "mine"


@pytest.mark.parametrize(
    "command",
    [
        ("inpaint", "holes.npy"),
        pytest.param(("upscale", "noisy.png"), marks=pytest.mark.slow),
        pytest.param(("cs", "--simulate", "grey.png"), marks=pytest.mark.slow),
    ],
    ids=["inpaint", "upscale", "cs"],
)
def test_every_command_writes_its_report_and_says_how_to_repeat_it(cli, light, folder, noisy_png, noisy, command):
    np.save("holes.npy", np.where(np.eye(24), np.nan, noisy[..., 0]))
    Image.fromarray(noisy[..., 0]).save("grey.png")
    outcome = cli(*command, "--preset", "fast", "--max-iterations", "10", "--suffix", "_made", "--report", "page.html")
    assert outcome.code == 0, outcome.err
    page = (folder / "page.html").read_text()
    output = next(path.name for path in folder.glob("*_made.*") if path.suffix != ".jsonl")
    named = " ".join(command[1:])
    repeated = f"cgdenoise {command[0]} {named} -o {output}" if command[0] != "cs" else "cgdenoise cs -o grey_made.png"
    assert f"{repeated} " in page
    assert "--max-iterations 10" in page
    assert 'id="before"' in page
    assert ("without a prior" in page) == (command[0] == "cs")
    assert ('id="removed"' in page) == (command[0] == "inpaint")


def test_the_index_of_a_batch_has_what_failed_and_what_was_there_already(denoise, folder, noisy_png, noisy):
    (folder / "frames").mkdir()
    for name in "ab":
        Image.fromarray(noisy).save(f"frames/{name}.png")
    (folder / "frames" / "c.png").write_text("no picture")
    run = ("frames", "-o", "out", "--report", "all.html", "-q")
    assert denoise(*run).code == 1
    index = (folder / "all.html").read_text()
    assert "3 results, 1 to be looked at" in index
    assert index.index("<b>c.png") < index.index("<b>a_denoised.png") < index.index("<b>b_denoised.png")
    assert 'href="all_pages/0002.html"' in index
    assert "frames/b.png" in (folder / "all_pages" / "0002.html").read_text()
    assert "all.html: exists" in denoise(*run).err
    assert denoise(*run, "--on-exists", "skip").code == 1
    assert re.sub(r'src="[^"]*', "", (folder / "all.html").read_text()) == re.sub(r'src="[^"]*', "", index)
    (folder / "all.html").write_text("mine")
    assert "all.html: exists" in denoise(*run, "--on-exists", "skip").err


def test_a_report_without_files_is_refused(refused_denoise, noisy_png):
    refused_denoise("noisy.png", "-o", "-", "--report", "page.html", names="--report needs the log", code=2)
    refused_denoise("noisy.png", "--report", "page.png", names="page.png: no web page", code=2)


_HAND = """<script>addEventListener('load', () => setTimeout(() => {
  document.body.style.maxWidth = '368px';
  const find = name => document.querySelector(name), slider = find('input[type=range]'), view = find('.view');
  slider.value = 20;
  slider.dispatchEvent(new Event('input'));
  const crop = find('.crops div'), box = view.getBoundingClientRect(), places = [crop.style.backgroundPosition];
  view.dispatchEvent(new PointerEvent('pointermove', {clientX: box.right - 1, clientY: box.top + 1}));
  places.push(crop.style.backgroundPosition);
  const edge = parseFloat(getComputedStyle(find('.edge')).left) / view.clientWidth;
  document.body.dataset.found = [edge, find('body').scrollWidth, ...places].join('|');
}, 300))</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no browser")
def test_in_a_browser_the_slider_moves_and_the_crops_follow(folder, log, noisy):
    (result,) = load(log)
    large = np.tile(noisy, (30, 30, 1))
    page = page_of(replace(result, before=large, after=large // 2))
    (folder / "page.html").write_text(page.replace("</body>", _HAND))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    command = [CHROMIUM, *flags, f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--dump-dom"]
    url = (folder / "page.html").as_uri()
    run = subprocess.run([*command, "--virtual-time-budget=3000", url], capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in run.stderr
    edge, needed, middle, corner = re.search(r'data-found="([^"]*)"', run.stdout).group(1).split("|")
    assert float(edge) == pytest.approx(0.2, abs=0.01)
    assert int(needed) <= 400
    (x, y), (right, top) = ([float(number) for number in re.findall(r"-?[0-9.]+", place)] for place in (middle, corner))
    assert right < x < 0
    assert y < top == 0
