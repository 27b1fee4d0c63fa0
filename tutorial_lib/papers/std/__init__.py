"""Space-Time Distillation for Video Super-Resolution (Xiao et al., CVPR 2021)."""
