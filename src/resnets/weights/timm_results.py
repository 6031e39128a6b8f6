"""What timm measured of weights for which their authors published no figure: top-1 and top-5 % on ImageNet-1k.

From timm's results/results-imagenet.csv, at the size, crop and interpolation of the rows in `pretrained`.
"""

from collections.abc import Mapping

RESULTS: Mapping[str, Mapping[str, tuple[float, float]]] = {  # by timm's tag, then by network
    "a1_in1k": {
        "ecaresnet50t": (81.282, 95.150), "seresnet50": (80.012, 94.704),
    },
    "a1h_in1k": {
        "resnet50": (80.654, 95.312), "resnet101": (81.950, 95.760), "resnet152": (82.818, 96.124),
        "resnext50_32x4d": (81.140, 95.320), "resnet50_gn": (80.074, 94.958), "resnetaa50": (80.614, 95.212),
    },
    "a2_in1k": {
        "ecaresnet50t": (80.884, 95.022), "seresnet50": (80.102, 94.720),
    },
    "ah_in1k": {
        "seresnext101_32x8d": (83.618, 96.412), "seresnext101d_32x8d": (83.702, 96.620),
        "seresnextaa101d_32x8d": (83.900, 96.648),
    },
    "am_in1k": {
        "resnet50": (79.004, 94.392),
    },
    "b1k_in1k": {
        "resnet50": (79.564, 94.622),
    },
    "b2k_in1k": {
        "resnet50": (79.388, 94.580),
    },
    "bt_in1k": {
        "resnet26": (75.298, 92.578), "resnet34": (75.176, 92.166), "resnet50": (78.444, 94.274),
        "resnet26d": (76.698, 93.156), "resnext50d_32x4d": (79.672, 94.878),
        "seresnext26d_32x4d": (77.592, 93.614), "seresnext26t_32x4d": (77.980, 93.750),
        "resnetblur50": (79.306, 94.632),
    },
    "c1_in1k": {
        "resnet50": (79.766, 94.954), "resnext101_64x4d": (82.446, 95.920),
    },
    "c2_in1k": {
        "resnet50": (79.868, 94.862),
    },
    "d_in1k": {
        "resnet50": (79.904, 94.666),
    },
    "fb_ssl_yfcc100m_ft_in1k": {
        "resnet18": (72.636, 91.416), "resnet50": (79.252, 94.826), "resnext50_32x4d": (80.316, 95.386),
        "resnext101_32x4d": (80.936, 95.732), "resnext101_32x8d": (81.620, 96.036),
        "resnext101_32x16d": (81.856, 96.084),
    },
    "fb_swsl_ig1b_ft_in1k": {
        "resnet18": (73.286, 91.754), "resnet50": (81.146, 95.980), "resnext50_32x4d": (82.162, 96.224),
        "resnext101_32x4d": (83.268, 96.760), "resnext101_32x8d": (84.276, 97.188),
        "resnext101_32x16d": (83.340, 96.844),
    },
    "fb_wsl_ig1b_ft_in1k": {
        "resnext101_32x8d": (82.720, 96.624), "resnext101_32x16d": (84.166, 97.192),
        "resnext101_32x32d": (85.090, 97.442),
    },
    "gluon_in1k": {
        "resnet18": (70.844, 89.750), "resnet34": (74.574, 91.988), "resnet50": (77.580, 93.704),
        "resnet101": (79.306, 94.538), "resnet152": (79.712, 94.720), "resnet50c": (78.016, 93.994),
        "resnet101c": (79.542, 94.588), "resnet152c": (79.904, 94.854), "resnet50d": (79.080, 94.458),
        "resnet101d": (80.466, 95.034), "resnet152d": (80.476, 95.194), "resnext50_32x4d": (79.354, 94.424),
        "resnext101_32x4d": (80.336, 94.908), "resnext101_64x4d": (80.640, 95.000),
        "seresnext50_32x4d": (79.916, 94.816), "seresnext101_32x4d": (80.886, 95.268),
        "resnet50s": (78.710, 94.248), "resnet101s": (80.278, 95.160), "resnet152s": (81.048, 95.442),
        "seresnext101_64x4d": (80.884, 95.308), "senet154": (81.258, 95.358),
    },
    "miil_in1k": {
        "ecaresnetlight": (80.454, 95.248), "ecaresnet50d": (80.634, 95.310), "ecaresnet101d": (82.180, 96.062),
    },
    "ra2_in1k": {
        "resnet18d": (72.296, 90.682), "resnet34d": (77.108, 93.372), "resnet50d": (80.546, 95.160),
        "resnet101d": (82.254, 96.070), "resnet152d": (83.160, 96.370), "resnet200d": (83.250, 96.552),
        "resnet26t": (77.878, 93.838), "ecaresnet26t": (78.894, 94.548), "ecaresnet50t": (81.450, 95.678),
        "ecaresnet269d": (84.724, 97.180), "seresnet50": (80.260, 95.068), "seresnet152d": (83.702, 96.794),
    },
    "ra4_e3600_r224_in1k": {
        "resnet34": (77.492, 93.498), "resnet18d": (74.356, 91.826), "resnet50d": (80.956, 95.380),
    },
    "ra_in1k": {
        "resnet50": (78.820, 94.314), "resnext50_32x4d": (79.800, 94.608),
    },
    "racm_in1k": {
        "wide_resnet50_2": (81.466, 95.544), "seresnext50_32x4d": (81.268, 95.624),
    },
    "ram_in1k": {
        "resnet50": (79.034, 94.386),
    },
    "sw_in12k_ft_in1k": {
        "resnetaa50d": (81.782, 96.036), "resnetaa101d": (83.544, 96.828),
        "seresnextaa101d_32x8d": (85.956, 97.824),
    },
    "sw_in12k_ft_in1k_288": {
        "seresnextaa101d_32x8d": (86.530, 98.094),
    },
    "sw_in12k_ft_in1k_384": {
        "seresnextaa201d_32x8d": (87.304, 98.334),
    },
    "tf_in1k": {
        "resnetrs152": (82.900, 96.290), "resnetrs200": (83.884, 96.762), "resnetrs270": (83.596, 96.616),
        "resnetrs350": (84.304, 96.942), "resnetrs420": (84.240, 96.862),
    },
    "tv_in1k": {
        "resnext101_64x4d": (82.978, 96.252),
    },
}  # fmt: skip
