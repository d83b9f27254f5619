"""The lecture's panels: one function a panel, arrays in, `Figure` out; never pyplot."""
