"""`python -m support.kit.sample <command>`: a small service, run like the real ones."""

from utils.serving import main

if __name__ == "__main__":
    main(
        "sample",
        {
            "api": "support.kit.sample.service:run",
            "worker": "support.kit.sample.service:run",
            "migrate": "support.kit.sample.service:migrate",
            "fail": "support.kit.sample.service:fail",
            "misbehave": "support.kit.sample.service:misbehave",
            "log-much": "support.kit.sample.service:log_much",
            "broken": "support.kit.sample.broken:run",
            "loaded": "support.kit.sample.loaded:run",
            "shout": "support.kit.sample.service:shout",
            "gone": "support.kit.sample.no_such_module:run",
        },
    )
