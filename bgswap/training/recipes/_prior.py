"""The StyleGAN2 that hpbnet's output is to resemble: which is taken, what it has seen, how it is put in."""

from bgswap.errors import UsageError
from bgswap.networks._mobile_synthesis import MobileSynthesis, lightened
from bgswap.networks.hpbnet import Prior
from bgswap.networks.stylegan2 import StyleGAN2
from bgswap.training.tools import Tools, path_or_name
from bgswap.zoo.loader import describe

USE = "prior"  # what run.json calls it
UNTRAINED = "the prior begins untrained: it has seen no pictures but those of this run"
SILENT = "whoever trained it knows what it has seen"


def check_none(weights: str, light: bool) -> None:
    """UsageError where settings speak of a prior that there is not."""
    if weights or light:
        raise UsageError("prior=none has no StyleGAN2: leave out prior_weights and generator, or --set prior=joint")


def check_frozen(weights: str, light: bool, joint: bool) -> None:
    """UsageError where a frozen prior would be an untrained one."""
    if not (joint or weights):
        raise UsageError(
            "prior=frozen needs a trained StyleGAN2: train one (bgswap train stylegan2 PHOTOS RUN) and add "
            "--set prior_weights=RUN, or take --set prior=none or --set prior=joint"
        )
    if light and not joint:
        raise UsageError("generator=mobile only comes near its prior and has to be trained: add --set prior=joint")


def load_prior(weights: str, side: int, tools: Tools) -> tuple[StyleGAN2, str]:
    """The trained StyleGAN2 by file or run folder, and a sentence on what it has seen.

    Raises:
        UsageError: it is another network, or makes pictures of another side.
        NotReady, BgswapError: it cannot be had; see Tools.network.
    """
    prior = tools.network(path_or_name(weights), USE, "stylegan2")
    if not isinstance(prior, StyleGAN2):
        raise UsageError(f"prior_weights={weights} holds no StyleGAN2: name a run of stylegan2")
    made = prior.config.size
    if made != side:
        raise UsageError(f"the prior makes pictures of {made} pixels: give --size {made}, or train stylegan2 at {side}")
    return prior, f"the prior is {tools.used[USE]}: {describe(weights)[0].about or SILENT}"


def fill(prior: Prior, trained: StyleGAN2) -> None:
    """Put the trained weights in; a mobile one gets what comes nearest to them."""
    prior.mapping.load_state_dict(trained.mapping.state_dict())
    state = trained.synthesis.state_dict()
    prior.synthesis.load_state_dict(lightened(state) if isinstance(prior.synthesis, MobileSynthesis) else state)
