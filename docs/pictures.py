"""
Take the pictures of the README and of the gallery from a written study, in a headless browser.

`make pictures` runs it on `maps/STUDY`; every picture is what a reader of these files sees.
"""

import io
import shutil
import sys
import time
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from selenium import webdriver

WIDE, PHONE = (1440, 900), (390, 844)
QUALITY = 82


class Picture(NamedTuple):
    """A picture to take."""

    name: str
    """Name of the file in `docs/pictures`, without its end."""
    page: str
    """Page of the study, with what follows the `#`."""
    size: tuple[int, int] = WIDE
    """Window [px]."""
    script: str = ""
    """What is done on the page first."""


PICTURES = (
    Picture("map", "map.html"),
    Picture("day", "map.html", script="realign.days.set(realign.scene.lakes[1].date)"),
    Picture(
        "profile",
        "map.html",
        script="""const link = realign.option.shown().links.map((name) => realign.roads[name])
            .sort((a, b) => b.length - a.length)[0];
            document.getElementById("panel").open = false;
            document.getElementById("legend").open = true;
            realign.profile.open(link.key);
            realign.map.fitBounds(L.latLngBounds(link.slice(0, link.length)), realign.padding());
            realign.profile.put(link.length * 0.4, false);""",
    ),
    Picture(
        "compare",
        "map.html",
        script="""realign.compare.start();
            const middle = realign.old.at(realign.old.length * 0.7);
            realign.compare.move(realign.map.latLngToContainerPoint(middle).x / innerWidth);""",
    ),
    Picture("phone", "map.html", PHONE),
    Picture("report", "index.html"),
    Picture("schedule", "index.html#schedule"),
    Picture("risk", "index.html#risk"),
)


def taken(browser: webdriver.Chrome, picture: Picture, folder: Path) -> bytes:
    """Take a picture as JPEG."""
    wide, tall = picture.size
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": wide, "height": tall, "deviceScaleFactor": 1, "mobile": wide < 500},
    )
    page, _, place = picture.page.partition("#")
    browser.get("about:blank")
    browser.get((folder / page).resolve().as_uri() + (f"#{place}" if place else ""))
    browser.execute_script(picture.script)
    time.sleep(1.5)  # tiles, fonts, and moves that glide
    shot = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    file = io.BytesIO()
    shot.save(file, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return file.getvalue()


def main(folder: Path, target: Path) -> None:
    """Take all pictures of a study."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    target.mkdir(parents=True, exist_ok=True)
    # the driver of the machine, so that nobody is asked for another
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    with webdriver.Chrome(options=options, service=service) as browser:
        for picture in PICTURES:
            content = taken(browser, picture, folder)
            (target / f"{picture.name}.jpg").write_bytes(content)
            print(f"{picture.name}.jpg  {len(content) / 1000:,.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent / "pictures")
