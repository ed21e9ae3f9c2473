"""Asset Management: 3D models and documents."""
