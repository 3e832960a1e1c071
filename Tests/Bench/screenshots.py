"""Pictures of every page in every state, on a phone, a tablet and a television, dark and light."""

import argparse
import sys
import tempfile
from pathlib import Path

from lab.gallery import SCHEMES, SIZES, STATES, Gallery
from lab.processes import LabError
from lab.product import REPOSITORY
from lab.stage import Stage

# name: state, size, pixels for one of CSS'.
README = {"page": ("listening", (390, 800), 2), "join": ("join", (1280, 720), 1),
          "calibration": ("calibrating", (390, 1130), 2), "calibration-join": ("join-flash", (1280, 720), 1)}


def every_state(gallery, folder, states):
    for state in states:
        gallery.look()
        with gallery.state(state) as browser:
            for name, size in SIZES.items():
                for scheme in SCHEMES:
                    gallery.look(size, scheme)
                    browser.settle()
                    browser.whole_picture(folder / f"{state}-{name}-{scheme}.png")
        print(f"{state}: {len(SIZES) * len(SCHEMES)} pictures", flush=True)


def for_the_readme(gallery, stage, serve):
    host, port = serve.web_address()
    listeners = [stage.listen(f"http://{host}:{port}{serve.whep}", "--output", "null") for _ in range(3)]
    for listener in listeners:
        listener.until_playing()
    for name, (state, size, density) in README.items():
        gallery.look(size, "dark", density)
        with gallery.state(state) as browser:
            browser.settle()
            browser.screenshot(REPOSITORY / f"docs/images/{name}.png")


def main():
    parser = argparse.ArgumentParser(prog="script/screenshots", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where they go (a new one)")
    parser.add_argument("--only", action="append", choices=STATES, metavar="STATE",
                        help=f"one state, and again; of {', '.join(STATES)}")
    parser.add_argument("--readme", action="store_true", help="those of docs/images instead")
    options = parser.parse_args()
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="auralync-pictures."))).resolve()
    if folder.is_relative_to(REPOSITORY):
        parser.error("that folder is in the repository: choose one outside of it")
    folder.mkdir(parents=True, exist_ok=True)
    with Stage() as stage:
        # What the pictures show is an address of the documentation's (RFC 5737).
        port = ["--http-port", 8080] if options.readme else []
        serve = stage.serve(
            "--source", "tone", "--name", "Film night", "--address", "192.0.2.2", *port)
        gallery = stage.keep(Gallery(stage.environment, serve.web_address()))
        if options.readme:
            for_the_readme(gallery, stage, serve)
        else:
            every_state(gallery, folder, options.only or STATES)
            print(f"They are in {folder}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"screenshots: {error}")
