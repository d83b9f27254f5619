"""A person at the page: the strokes of a hand, a page in a browser."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.keys import Keys

from tests.support.waiting import wait_for

Stroke = list[tuple[float, float]]


def arc(x: float, y: float, wide: float, high: float, start: int, end: int) -> Stroke:
    """Part of an ellipse, in degrees clockwise from the right."""
    turns = [math.radians(start + (end - start) * step / 20) for step in range(21)]
    return [(x + wide * math.cos(turn), y + high * math.sin(turn)) for turn in turns]


# As people write them, on a sheet from (0, 0), top left, to (1, 1).
STROKES: dict[int, list[Stroke]] = {
    0: [arc(0.5, 0.5, 0.2, 0.32, -90, 270)],
    1: [[(0.5, 0.18), (0.5, 0.82)]],
    2: [[*arc(0.5, 0.34, 0.17, 0.16, -170, 20), (0.34, 0.8), (0.7, 0.8)]],
    3: [arc(0.48, 0.34, 0.17, 0.16, -150, 90) + arc(0.48, 0.66, 0.2, 0.17, -90, 150)],
    4: [[(0.36, 0.2), (0.32, 0.55), (0.7, 0.55)], [(0.62, 0.2), (0.62, 0.84)]],
    5: [[(0.68, 0.2), (0.4, 0.2), (0.37, 0.48), *arc(0.48, 0.63, 0.19, 0.18, -110, 140)]],
    6: [[(0.6, 0.18), (0.42, 0.45), *arc(0.53, 0.64, 0.17, 0.17, 160, -200)]],
    7: [[(0.3, 0.22), (0.7, 0.22), (0.45, 0.82)]],
    8: [arc(0.5, 0.34, 0.15, 0.15, 90, -270) + arc(0.5, 0.66, 0.18, 0.17, -90, 270)],
    9: [[*arc(0.5, 0.36, 0.16, 0.17, -10, -370), (0.6, 0.82)]],
}


class Page:
    """What a person does on the page, and sees there."""

    def __init__(self, browser: Any, url: str) -> None:
        self.browser = browser
        self.url = url

    def open(self, width: int = 1280, height: int = 1000, **preferences: str) -> Page:
        """Open it afresh, on a screen of this size; preferences as prefers_color_scheme="dark"."""
        features = [
            {"name": name.replace("_", "-"), "value": preferences.get(name, value)}
            for name, value in (
                ("prefers_color_scheme", "light"),
                ("prefers_reduced_motion", "no-preference"),
            )
        ]
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.get("about:blank")
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.browser.get(self.url)
        return self

    def __getitem__(self, element: str) -> Any:
        return self.browser.find_element("id", element)

    def script(self, code: str, *arguments: object) -> Any:
        return self.browser.execute_script(f"return {code}", *arguments)

    def draw(self, strokes: list[Stroke], kind: str = "mouse", lift: bool = True) -> None:
        paper = self["paper"]
        box = paper.rect
        for stroke in strokes:
            actions = ActionBuilder(self.browser, PointerInput(kind, kind), duration=8)
            pointer = actions.pointer_action
            for position, (x, y) in enumerate(stroke):
                across, down = (x - 0.5) * box["width"], (y - 0.5) * box["height"]
                pointer.move_to(paper, round(across), round(down))
                if position == 0:
                    pointer.pointer_down()
            if lift:
                pointer.pointer_up()
            actions.perform()

    def press(self, *keys: str, on: str | None = None) -> None:
        if on:
            self.script("document.getElementById(arguments[0]).focus()", on)
        chain = ActionChains(self.browser)
        for key in keys:
            chain.send_keys(key)
        chain.perform()

    def undo(self) -> None:
        ActionChains(self.browser).key_down(Keys.CONTROL).send_keys("z").key_up(
            Keys.CONTROL
        ).perform()

    def clear(self) -> None:
        self.press(Keys.ESCAPE)
        wait_for(lambda: self["sentence"].text == "No digit yet")

    def correct(self, digit: int) -> None:
        self["digits"].find_elements("css selector", "button")[digit].click()

    def chosen(self) -> list[str]:
        """The digits that are marked below the plot: the answer's and the person's."""
        return self.script(
            "[...document.querySelectorAll('#digits .answered, #digits [aria-pressed=true]')]"
            ".map(button => button.textContent)"
        )

    def requests(self, path: str = "") -> list[str]:
        """The URLs below `path` that were asked since this was called last."""
        events = [json.loads(e["message"])["message"] for e in self.browser.get_log("performance")]
        sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
        urls = [event["request"]["url"] for event in sent]
        return [url for url in urls if not path or url.startswith(self.url + path)]

    def module(self, name: str, code: str, *arguments: object) -> Any:
        """Evaluate code with `module`, one of the page's own."""
        return self.browser.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "import(new URL(`page/"
            + name
            + "`, document.baseURI)).then((module) => done("
            + (f"(() => {code})(...arguments)" if code.startswith("{") else code)
            + "), (error) => done(String(error)))",
            *arguments,
        )

    def digit(self) -> int:
        """The answer with its reasons, once it is there."""
        wait_for(lambda: self.script("!document.getElementById('why').hidden"))
        wait_for(lambda: not self.script("document.body.classList.contains('stale')"))
        return int(self["digit"].text)

    def text(self, element: str) -> str:
        return self[element].get_property("textContent")

    def open_file(self, path: Path) -> None:
        self["file"].send_keys(str(path))

    def ink_on_paper(self) -> float:
        """The share of the sheet that is inked."""
        return self.script(
            "(paper => { const {data} = paper.getContext('2d').getImageData(0, 0, paper.width,"
            " paper.height); return data.filter((v, i) => i % 4 === 3 && v > 128).length * 4"
            " / data.length })(document.getElementById('paper'))"
        )

    def colours(self, canvas: str) -> np.ndarray:
        """A picture's pixels, (28, 28, 3)."""
        pixels = self.script(
            "[...document.getElementById(arguments[0]).getContext('2d')"
            ".getImageData(0, 0, 28, 28).data]",
            canvas,
        )
        return np.array(pixels).reshape(28, 28, 4)[..., :3]
