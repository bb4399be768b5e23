"""What the names of torch and its companions mean."""

from __future__ import annotations

import re

NOT_OPTIMIZERS = frozenset({"lr_scheduler", "swa_utils"})

OPTIMIZERS = frozenset(
    "Adadelta Adafactor Adagrad Adam AdamW Adamax ASGD LBFGS LAMB Lamb Lion Muon NAdam RAdam RMSprop "
    "Rprop SGD SparseAdam AdaBelief Ranger FusedAdam FusedLAMB Adam8bit AdamW8bit PagedAdamW".split()
)
"""Class names that mean an optimizer wherever they come from."""

LOSSES = {
    "CrossEntropyLoss": "cross_entropy",
    "NLLLoss": "nll_loss",
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "MSELoss": "mse_loss",
    "L1Loss": "l1_loss",
    "SmoothL1Loss": "smooth_l1_loss",
    "HuberLoss": "huber_loss",
    "KLDivLoss": "kl_div",
    "CTCLoss": "ctc_loss",
    "PoissonNLLLoss": "poisson_nll_loss",
    "GaussianNLLLoss": "gaussian_nll_loss",
    "MultiMarginLoss": "multi_margin_loss",
    "MultiLabelSoftMarginLoss": "multilabel_soft_margin_loss",
    "MultiLabelMarginLoss": "multilabel_margin_loss",
    "SoftMarginLoss": "soft_margin_loss",
    "HingeEmbeddingLoss": "hinge_embedding_loss",
    "MarginRankingLoss": "margin_ranking_loss",
    "CosineEmbeddingLoss": "cosine_embedding_loss",
    "TripletMarginLoss": "triplet_margin_loss",
}
"""Loss classes with the functions they stand for."""

LOSS_FUNCTIONS = frozenset(LOSSES.values())

ACTIVATIONS = {
    "softmax": "softmax",
    "Softmax": "softmax",
    "softmax2d": "softmax",
    "Softmax2d": "softmax",
    "gumbel_softmax": "",
    "log_softmax": "log_softmax",
    "LogSoftmax": "log_softmax",
    "logsigmoid": "log_sigmoid",
    "LogSigmoid": "log_sigmoid",
    "sigmoid": "sigmoid",
    "sigmoid_": "sigmoid",
    "Sigmoid": "sigmoid",
    "relu": "relu",
    "relu_": "relu",
    "ReLU": "relu",
    "ReLU6": "relu",
    "relu6": "relu",
    "tanh": "tanh",
    "Tanh": "tanh",
}
"""Functions, methods and layers with what their output is; an empty text for what must not be mistaken."""

SAME_VALUES = frozenset(
    "view reshape squeeze unsqueeze flatten unflatten contiguous float double half bfloat16 to cuda cpu "
    "type type_as transpose permute t view_as reshape_as expand expand_as clone requires_grad_ swapaxes "
    "movedim Flatten Unflatten Identity Dropout Dropout1d Dropout2d Dropout3d AlphaDropout dropout "
    "retain_grad rearrange pin_memory gather index_select masked_select narrow chunk split "
    "unbind".split()
)
"""Operations whose output has the same values in another form: an activation is still the last thing done."""

AVERAGES = frozenset(
    "add mult mul div mean sum nanmean average stack cat tensor as_tensor array asarray item tolist detach "
    "numpy round all_reduce gather reduce data".split()
)
"""Operations that leave a loss a loss, and an accuracy an accuracy."""

SCORES = frozenset(
    "accuracy_score balanced_accuracy_score f1_score precision_score recall_score roc_auc_score r2_score "
    "average_precision_score matthews_corrcoef cohen_kappa_score jaccard_score".split()
)
"""Functions of scikit-learn that are the better the higher they are."""

KEEPS_ROWS = frozenset(
    "add sub mult mul div pow neg abs exp log sqrt square clamp where relu relu_ relu6 leaky_relu elu "
    "selu celu gelu silu mish softplus tanh sigmoid hardtanh normalize dropout dropout1d dropout2d "
    "dropout3d max_pool1d max_pool2d avg_pool1d avg_pool2d adaptive_avg_pool1d adaptive_avg_pool2d ReLU "
    "ReLU6 LeakyReLU ELU SELU CELU GELU SiLU Mish Softplus Tanh Sigmoid Hardtanh Identity Dropout "
    "Dropout1d Dropout2d Dropout3d AlphaDropout MaxPool1d MaxPool2d AvgPool1d AvgPool2d "
    "AdaptiveAvgPool1d AdaptiveAvgPool2d Flatten contiguous clone detach float double half bfloat16 to "
    "cuda cpu type requires_grad_ pin_memory".split()
)
"""Operations whose output has the samples of the batch along its first axis if their input has."""

LAYERS_OF_ROWS = re.compile(
    r"^(Lazy)?(Linear|Conv\dd|ConvTranspose\dd|BatchNorm\dd|LayerNorm|GroupNorm|InstanceNorm\dd)$"
)
"""Layers of torch of which the same is true."""

SAME_SHAPE = frozenset(
    "contiguous float double half bfloat16 to cuda cpu clone requires_grad_ Identity Dropout dropout "
    "retain_grad pin_memory".split()
)
"""Those of them that leave the axes as they are."""

CUTS = frozenset(
    "detach detach_ argmax argmin argsort item tolist numpy long int bool round floor ceil sign trunc eq "
    "ne lt le gt ge one_hot tensor as_tensor from_numpy asarray array nonzero isnan isfinite isinf "
    "multinomial bincount histc".split()
)
"""Operations that return something without a graph."""

NUMBERS = frozenset({"item", "tolist", "__float__", "__int__", "numpy"})

SHAPES = frozenset("size shape dim ndim numel nelement dtype device ndimension element_size stride".split())
"""What is asked of a tensor without touching its values."""

FRESH = frozenset(
    "zeros ones rand randn randint randperm empty full arange linspace eye zeros_like ones_like rand_like "
    "randn_like empty_like full_like normal logspace bernoulli FloatTensor LongTensor Tensor tril_indices "
    "triu_indices new_zeros new_ones new_tensor new_full new_empty from_numpy".split()
)
"""Functions whose output has nothing to do with what they are given."""

WITHOUT_PARAMETERS = re.compile(
    r"^(?!AdaptiveLogSoftmaxWithLoss|LinearCrossEntropyLoss)"
    r"(\w*Dropout\w*|\w*[pP]ool\w*|Flatten|Unflatten|Identity|\w*Pad\w*|\w*Upsampl\w*|\w*Softmax\w*|\w*[sS]igmoid|"
    r"ReLU6?|LeakyReLU|ELU|CELU|SELU|GELU|SiLU|Mish|GLU|Tanh|\w*[sS]hrink|Hardtanh|Hardswish|Softplus|"
    r"Softsign|Softmin|Threshold|PixelShuffle|PixelUnshuffle|ChannelShuffle|Fold|Unfold|CosineSimilarity|"
    r"PairwiseDistance|\w*Loss|InstanceNorm\w*|LocalResponseNorm|CrossMapLRN2d|RReLU)$"
)
"""Layers of torch that learn nothing."""

SENSITIVE = re.compile(r"^(\w*Dropout\w*|\w*BatchNorm\w*|Transformer\w*|RReLU)$")
"""Layers of torch that do something else in eval mode."""

CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"})

TRANSPARENT = frozenset(
    "DataParallel DistributedDataParallel DDP compile script trace FullyShardedDataParallel FSDP "
    "convert_sync_batchnorm spectral_norm weight_norm deepcopy copy set_seed".split()
)
"""What returns the module it is given, wrapped."""

WRAPS_ITERATION = frozenset(
    "enumerate tqdm trange zip iter list islice cycle track prefetch progress_bar Progbar progressbar "
    "reversed sorted tuple notebook".split()
)

HARMLESS = frozenset(
    "print len isinstance issubclass hasattr getattr id type repr str format vars dir setattr callable "
    "sum super range max min abs round hash sorted enumerate zip list tuple dict set next iter bool int "
    "float any all map filter save load summary watch count numel info debug warning error exists join "
    "log add_scalar add_scalars add_graph add_image write get_model_complexity_info parameter_count "
    "named_parameters open deepcopy copy append extend update setdefault get items keys values pop insert "
    "add assert_ pformat pprint clip_grad_norm_ clip_grad_value_ get_total_norm is_tensor "
    "parameters_to_vector vector_to_parameters synchronize manual_seed".split()
)
"""Functions and methods, by last name, that may be given a model or optimizer without consequence."""

TRAINERS = re.compile(r"(Lightning|\bTrainer|Learner|Seq2SeqTrainer|SFTTrainer|DPOTrainer|PPOTrainer|Runner)")

MODULE_BASES = re.compile(
    r"(^|\.)(Module|ModuleList|Sequential|LightningModule|\w*Model|\w*PreTrainedModel|ScriptModule|MessagePassing"
    r"|\w*Layer|\w*Block)$"
)
"""Base classes from outside that are modules."""

SCHEDULES = re.compile(
    r"(LR|LRScheduler|ReduceLROnPlateau|[Ss]chedule\w*|CosineAnnealingWarmRestarts|_schedule_with_\w+)$"
)

FRAMEWORKS = (
    "pytorch_lightning lightning transformers accelerate fastai ignite deepspeed catalyst mmcv mmengine "
    "skorch poutyne composer trl detectron2"
).split()
