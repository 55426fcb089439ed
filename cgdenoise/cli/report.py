"""What the commands for inverse problems say at their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgdenoise.cli.output import emit, emit_json, fail, note, warn

if TYPE_CHECKING:
    from cgdenoise.cli.options import SharedOptions
    from cgdenoise.cli.run import Task
    from cgdenoise.jobs.batch import Options
    from cgdenoise.jobs.solve import Solution


def report(task: Task, solution: Solution, options: Options, target: str, log: str, remark: str, choices: SharedOptions) -> None:
    """Say what came of a task: errors, interruptions and warnings but those of its problem on stderr, the result on stdout.

    Parameters
    ----------
    task : Task
        What was to be done.
    solution : Solution
        What came of it.
    options : Options
        How it was done.
    target, log : str
        Paths of the main result and of the log.
    remark : str
        How the picture's values come from the image's.
    choices : SharedOptions
        What the user wants to see.
    """
    outcome, verdict, missing = solution.outcome, solution.verdict, task.problem.missing
    result = outcome.result
    if verdict.error:
        kept = "the best image so far" if verdict.status == "failed" else "the result"
        fail(f"{task.name}: {verdict.error}; {kept} is in {target}")
    if verdict.status == "interrupted":
        note(f"{task.name}: interrupted; the best result so far is in {target}")
    warn(task.name, [warning for warning in verdict.warnings if warning not in task.problem.warnings], choices.quiet)
    if choices.json:
        emit_json(
            {
                "input": task.name,
                "output": target,
                "log": log,
                "status": verdict.status,
                "preset": options.preset_name,
                "depth": result.depth,
                "fits": len(result.fits),
                "sigma": result.sigma,
                "sigma_estimated": result.sigma_estimated,
                "missing": missing,
                "seconds": result.seconds,
                "picture": remark,
                "psnr": outcome.psnr,
                "ssim": outcome.ssim,
                "warnings": list(verdict.warnings),
                "error": verdict.error,
            }
        )
    elif not choices.quiet and not verdict.error:
        count = sum(fit.weight > 0 for fit in result.fits)
        text = f"{count} fit{'s' * (count > 1)}, depth {result.depth}, {result.seconds:.1f} s" if count else "constant image"
        if missing is not None:
            text += f", {missing:.1%} missing"
        if outcome.psnr is not None:
            text += f", PSNR {outcome.psnr:.2f} dB, SSIM {outcome.ssim:.4f}"
        emit(f"{target}: {text}; {remark}")
