#!/usr/bin/env python3
"""Makes the images of Tests/ViseImagesTests/Fixtures with what Pillow makes of them.

    make_image_fixtures.py Tests/ViseImagesTests/Fixtures

Needs pillow and numpy; made with pillow 13.0.0.
"""

import pathlib
import sys

import numpy as np
from PIL import Image


def scene(width, height, seed):
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    waves = [np.sin(columns * a + rows * b) for a, b in random.uniform(0.1, 0.6, (3, 2))]
    return np.stack([127 + 100 * wave for wave in waves], -1).astype(np.uint8)


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    color = Image.fromarray(scene(21, 14, 1))
    files = {
        "rgb.png": color,
        "gray.png": color.convert("L"),
        "palette.png": color.quantize(16),
        "alpha.png": Image.merge("RGBA", [*color.split(), color.convert("L")]),
        "deep.png": Image.fromarray((scene(7, 5, 2)[..., 0].astype(np.uint16) * 257)),
    }
    for name, image in files.items():
        image.save(out / name)
    color.save(out / "rgb.jpg", quality=90)
    color.save(out / "progressive.jpg", quality=90, progressive=True)
    color.convert("L").save(out / "gray.jpg", quality=90)
    for path in sorted(out.glob("*.png")) + sorted(out.glob("*.jpg")):
        image = Image.open(path)
        if image.mode == "RGBA":
            image = Image.merge("RGB", image.split()[:3])
        pixels = np.asarray(image.convert("RGB") if image.mode != "I;16" else
                            Image.fromarray((np.asarray(image) // 257).astype(np.uint8)).convert("RGB"))
        (out / f"{path.name}.rgb").write_bytes(pixels.tobytes())
    # 14 rows become 10, 21 columns 15; the middle 8 × 8 are cut out.
    small = color.resize((15, 10), Image.Resampling.BILINEAR)
    # torchvision's CenterCrop rounds (15 - 8) / 2 to the even 4.
    (out / "prepared.rgb").write_bytes(small.crop((4, 1, 12, 9)).tobytes())
    (out / "prepared.gray").write_bytes(small.crop((4, 1, 12, 9)).convert("L").tobytes())
    (out / "enlarged.rgb").write_bytes(color.resize((42, 28), Image.Resampling.BILINEAR).tobytes())


if __name__ == "__main__":
    main()
