"""What a loss in the network leaves of a job's throughput: its step, simulated again in each damaged state."""

from dataclasses import replace

from sim.batch.metrics import main_step
from sim.cluster.network import Network
from sim.cluster.resilience import AfterLoss, rates_after_losses
from sim.machine import placed_ranks
from sim.simulate import RunResult, simulate_phase


def throughput_after_losses(run: RunResult) -> tuple[AfterLoss, ...]:
    """Return the job's tokens per second after each loss, as a fraction of those before it.

    Model: the step of the phase with most tokens is simulated again with the same layout and placement on what is left
    of the network; flows are hashed and routed anew, so that a little more than all may be left. None: a GPU is out of
    reach and the job stops until it is placed elsewhere. Empty where no step is simulated.
    """
    step, machine, scenario = main_step(run), run.machine, run.scenario
    if step is None or machine is None:
        return ()
    phase = step.phase

    def steps_per_s(network: Network) -> float:
        damaged = replace(machine, cluster=network.cluster, network=network)
        return 1 / simulate_phase(scenario, damaged, phase).profile.step_time_s

    gpu = int(placed_ranks(scenario, phase.layout, machine.cluster).min())
    return rates_after_losses(machine.network, gpu, steps_per_s, 1 / step.profile.step_time_s)
