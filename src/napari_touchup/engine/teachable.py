"""Which models can be fine-tuned; asked by windows, so torch is not loaded."""

from napari_touchup.options import ModelSpec

NOT_YET = (
    "Fine-tuning of models that detect objects is not there yet. Choose another model to teach; "
    "corrections are kept, whatever the model."
)


def why_not(spec: ModelSpec) -> str:
    """Say why a model cannot be fine-tuned; "" where it can.

    >>> why_not(ModelSpec())
    ''
    """
    return NOT_YET if spec.output == "instances" else ""


def check_teachable(spec: ModelSpec) -> None:
    """Refuse a model that cannot be fine-tuned.

    Raises
    ------
    ValueError
        The message says why.
    """
    if reason := why_not(spec):
        raise ValueError(reason)
