"""The sizes of the bundled model; its `config.json` has those that are not the official ones.

T3 is limited by the 16 MB of one file (int8), the flow by the speed of two CPU cores.
"""

from worker.chatterbox.config import (
    ChatterboxConfig,
    FlowConfig,
    HiftConfig,
    SpeechTokenizerConfig,
    StorageConfig,
    T3Config,
    VoiceEncoderConfig,
    XVectorConfig,
)

DEMO = ChatterboxConfig(
    name="demo",
    t3=T3Config(
        text_vocab=256,  # START_TEXT is 255
        speech_vocab=6563,  # the codes, START_SPEECH and STOP_SPEECH
        width=320,
        layers=8,
        heads=5,
        kv_heads=5,
        ffn_width=896,
        text_positions=1024,
        speech_positions=1026,
    ),
    speech_tokenizer=SpeechTokenizerConfig(width=256, layers=4, heads=4),
    x_vector=XVectorConfig(
        stem_channels=8, growth=16, bottleneck=32, tdnn_channels=32, block_layers=(3, 4, 3)
    ),
    voice_encoder=VoiceEncoderConfig(hidden=128, layers=2),
    flow=FlowConfig(
        encoder_width=256,
        encoder_heads=4,
        encoder_ffn_width=1024,
        encoder_layers=4,
        upsampled_layers=2,
        estimator_width=256,
        estimator_heads=4,
        estimator_head_width=64,
        estimator_ffn_factor=3,
        time_width=512,
        mid_blocks=4,
        transformers_per_block=1,
        steps=8,  # ten steps cost a quarter more and score 0.01 better
        guidance=2.0,  # at the official 0.7 a sixth more words are misheard: docs/listening.md
    ),
    # Two stages instead of three: as many operations, but half as many outside matrix products.
    # Kernel sizes are multiples of the strides, or each stage would leave a tone at its own rate.
    hift=HiftConfig(
        base_channels=256,
        f0_channels=256,
        upsample_rates=(10, 6),
        upsample_kernels=(20, 12),
        source_kernels=(3, 5),
        n_fft=32,
        hop=8,
    ),
    storage=StorageConfig(dtype="int8"),
)
