"""`python -m samples <command>`: a small service, run like the real ones."""

from utils.serving import main

if __name__ == "__main__":
    main(
        "sample",
        {
            "api": "samples.service:run",
            "worker": "samples.service:run",
            "migrate": "samples.service:migrate",
            "fail": "samples.service:fail",
            "misbehave": "samples.service:misbehave",
            "log-much": "samples.service:log_much",
            "broken": "samples.broken:run",
            "loaded": "samples.loaded:run",
            "shout": "samples.service:shout",
            "gone": "samples.no_such_module:run",
        },
    )
