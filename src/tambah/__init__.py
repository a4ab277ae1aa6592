"""Tambah: a self-hosted prepaid recharge platform."""
