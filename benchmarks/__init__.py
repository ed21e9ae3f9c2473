"""What V-Factory reaches, each figure beside a baseline and a limit measured in the same run."""
