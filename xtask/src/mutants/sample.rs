//! Samples of an area's faults: another one each time, until all were tried.

use anyhow::Result;

use super::area::Area;
use super::copy::Copy;
use super::judge::{Judge, Verdict};
use super::machine::{Fault, Machine};
use super::record::{Record, Word};

/// What has to be caught of each sample, of a hundred.
const GOAL: f64 = 85.0;

/// So many are noted together: what a run that is broken off loses.
const TOGETHER: usize = 10;

/// Which faults.
#[derive(clap::Args)]
pub(super) struct Sample {
    /// Where
    #[arg(long)]
    area: Area,
    /// So many that build
    #[arg(long, default_value_t = 100)]
    count: usize,
    /// Draws the sample that was drawn with this number, as long as the same ones were tried before; told if not given
    #[arg(long)]
    seed: Option<u64>,
    /// Draws from those too that were tried before
    #[arg(long)]
    anew: bool,
    /// Asks the crate's own tests alone: less is caught, in a fraction of the time
    #[arg(long)]
    own: bool,
}

/// Where.
#[derive(clap::Args)]
pub(super) struct Again {
    #[arg(long)]
    area: Area,
    /// Asks the crate's own tests alone
    #[arg(long)]
    own: bool,
}

/// Draws a sample and tries it; `false` if less was caught than has to be.
pub(super) fn run(args: &Sample) -> Result<bool> {
    let (machine, copy) = (Machine::find()?, Copy::make()?);
    let faults = args.area.faults(&machine, &copy)?;
    let mut record = Record::load(args.area)?;
    record.keep(&faults);
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let drawn = draw(&faults, |key| args.anew || !record.0.contains_key(key), seed);
    println!("==> {}: {} of {} to draw from, --seed {seed}", args.area.name(), drawn.len(), faults.len());
    let mut judge = Judge::new(&machine, &copy, None, args.own);
    let (mut sample, mut drawn) = (Record::default(), drawn.into_iter());
    loop {
        let missing = args.count - Record::count(sample.0.values()).viable();
        let these: Vec<&Fault> = drawn.by_ref().take(missing.min(TOGETHER)).collect();
        if these.is_empty() {
            break;
        }
        try_them(&mut judge, args.area, &these, &mut record, &mut sample)?;
    }
    let count = Record::count(sample.0.values());
    survivors(&sample, &faults);
    println!(
        "==> {}: {} tried, {} viable, {} caught, {:.0} % (goal: {GOAL} %), --seed {seed}",
        args.area.name(),
        sample.0.len(),
        count.viable(),
        count.caught,
        count.share()
    );
    Ok(count.share() >= GOAL)
}

/// Those once more that nobody has given a reason for; `false` if one still survives.
pub(super) fn again(args: &Again) -> Result<bool> {
    let (machine, copy) = (Machine::find()?, Copy::make()?);
    let faults = args.area.faults(&machine, &copy)?;
    let mut record = Record::load(args.area)?;
    let open: Vec<&Fault> =
        faults.iter().filter(|fault| record.0.get(&fault.key).is_some_and(|line| line.is_open())).collect();
    println!("==> {}: {} once more", args.area.name(), open.len());
    let mut judge = Judge::new(&machine, &copy, None, args.own);
    let mut tried = Record::default();
    for these in open.chunks(TOGETHER) {
        try_them(&mut judge, args.area, these, &mut record, &mut tried)?;
    }
    survivors(&tried, &faults);
    Ok(Record::count(tried.0.values()).open == 0)
}

/// Prints a row for each area; `false` if somebody has still to look at a survivor.
pub(super) fn table() -> Result<bool> {
    let (machine, copy) = (Machine::find()?, Copy::make()?);
    println!("| area | possible | tried | viable | caught | share | caught since by a new test | left with a reason |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut open = 0;
    for area in Area::ALL {
        let faults = area.faults(&machine, &copy)?;
        let mut record = Record::load(area)?;
        record.keep(&faults);
        let count = Record::count(record.0.values());
        let (name, possible, tried, viable) = (area.name(), faults.len(), record.0.len(), count.viable());
        let (share, mended, excused) = (count.share(), count.mended, count.excused);
        println!(
            "| {name} | {possible} | {tried} | {viable} | {} | {share:.0} % | {mended} | {excused} |",
            count.caught
        );
        open += count.open;
    }
    Ok(open == 0)
}

/// In an order that the seed decides, and nothing but the seed and the faults.
pub(super) fn draw(faults: &[Fault], wanted: impl Fn(&str) -> bool, seed: u64) -> Vec<&Fault> {
    let mut drawn: Vec<&Fault> = faults.iter().filter(|fault| wanted(&fault.key)).collect();
    drawn.sort_by(|a, b| a.key.cmp(&b.key));
    fastrand::Rng::with_seed(seed).shuffle(&mut drawn);
    drawn
}

fn try_them(
    judge: &mut Judge<'_>,
    area: Area,
    these: &[&Fault],
    record: &mut Record,
    sample: &mut Record,
) -> Result<()> {
    for (fault, verdict) in these.iter().zip(judge.judge(area, these)?) {
        println!("{}", told(fault, &verdict));
        record.note(fault, &verdict);
        sample.note(fault, &verdict);
    }
    record.store(area)
}

/// A line about a fault.
pub(super) fn told(fault: &Fault, verdict: &Verdict) -> String {
    let end = match verdict {
        Verdict::Caught(by) => format!("caught: {by}"),
        Verdict::Missed => "SURVIVED".to_owned(),
        Verdict::Unviable => "does not build".to_owned(),
        Verdict::Untried => "not tried".to_owned(),
    };
    format!("{}\n    {end}", fault.key)
}

/// Shows what was changed and not noticed.
fn survivors(sample: &Record, faults: &[Fault]) {
    for fault in faults.iter().filter(|fault| sample.0.get(&fault.key).is_some_and(|line| line.word == Word::Missed)) {
        println!("==> survived: {}\n{}", fault.key, fault.diff);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_and_another_one_something_else() {
        let list = |keys: &[&str]| -> Vec<Fault> {
            let fault = |key: &&str| {
                let mut fault: Fault = serde_json::from_str(r#"{"name": "n", "package": "p"}"#).unwrap();
                fault.key = (*key).to_owned();
                fault
            };
            keys.iter().map(fault).collect()
        };
        let keys = |faults: &[Fault], seed| -> Vec<String> {
            draw(faults, |key| key != "c", seed).iter().map(|fault| fault.key.clone()).collect()
        };
        let (one, other) = (list(&["a", "b", "c", "d", "e", "f"]), list(&["f", "e", "d", "c", "b", "a"]));
        assert_eq!(keys(&one, 1), keys(&other, 1));
        assert_eq!(keys(&one, 1).len(), 5);
        assert!((2..20).any(|seed| keys(&one, seed) != keys(&one, 1)));
    }
}
