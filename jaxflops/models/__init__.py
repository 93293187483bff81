"""Model functions that ship: each a loss that carries its configuration and example arguments."""

from jaxflops.models._model import Model as Model
from jaxflops.models._suite import MODELS as MODELS
from jaxflops.models._suite import Case as Case
from jaxflops.models._suite import suite as suite
from jaxflops.models.lstm import lstm as lstm
from jaxflops.models.mlp import mlp as mlp
from jaxflops.models.moe import moe as moe
from jaxflops.models.resnet import resnet as resnet
from jaxflops.models.resnet import resnet18 as resnet18
from jaxflops.models.resnet import resnet50 as resnet50
from jaxflops.models.ssm import ssm as ssm
from jaxflops.models.transformer import transformer as transformer
from jaxflops.models.two_layer import two_layer as two_layer
from jaxflops.models.unet import unet as unet
from jaxflops.models.vit import vit as vit
