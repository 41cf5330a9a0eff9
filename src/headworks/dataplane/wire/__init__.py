"""What gateways and the control plane say to each other, over gRPC; `control.proto` describes it."""
