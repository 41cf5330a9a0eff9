"""The waist: frozen shapes that the control plane and the data plane both depend on."""
