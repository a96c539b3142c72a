//! `survives`: what is left of a pool's copies when a host dies.

use terraform_plugin::value::Value;
use terraform_plugin::{Function, FunctionError, Nested, Raw};

/// Whether a pool of Ceph goes on when any one host dies: whether then at least `min_size` of its `size` copies are left.
///
/// For the `precondition` of a pool. It is arithmetic alone and asks nobody: how copies come to lie on hosts is told by the data
/// source `pve_ceph_placement`, whose `copies_on_one_host` can be given as it is.
#[derive(Nested, Clone)]
pub struct Survives {
    /// Copies of every object. Of an erasure-coded pool all chunks, k + m.
    #[attr(required, range = 1..=32)]
    pub size: u32,
    /// Copies (chunks) below which I/O stops.
    #[attr(required, range = 1..=32)]
    pub min_size: u32,
    /// How many copies lie on one host: a number, of which no host has more, or a list with a number for each host, such as
    /// `[2, 2, 1]`.
    #[attr(required)]
    pub copies_per_host: Raw,
}

impl Function for Survives {
    const NAME: &'static str = "survives";
    type Returns = bool;

    fn call(self) -> Result<bool, FunctionError> {
        if self.min_size > self.size {
            let text =
                format!("min_size must be at most size ({}), not {}: I/O would never go on.", self.size, self.min_size);
            return Err(FunctionError::new(text).at("min_size"));
        }
        let most = self.most()?;
        Ok(self.size - most >= self.min_size)
    }
}

impl Survives {
    /// The most copies that one host has.
    fn most(&self) -> Result<u32, FunctionError> {
        let wrong = |text: String| FunctionError::new(text).at("copies_per_host");
        let form = "copies_per_host must be a whole number, or a list of whole numbers";
        let one = |value: &Value| {
            let number =
                value.bare().as_number().and_then(|number| number.as_u64()).and_then(|n| u32::try_from(n).ok());
            number.ok_or_else(|| wrong(format!("{form}, not {}.", value.bare())))
        };
        let size = self.size;
        let Some(hosts) = self.copies_per_host.0.bare().as_list() else {
            let most = one(&self.copies_per_host.0)?;
            return match most {
                0 => Err(wrong("copies_per_host must be at least 1: the copies lie somewhere.".to_owned())),
                most if most > size => {
                    Err(wrong(format!("copies_per_host must be at most size ({size}), not {most}.")))
                }
                most => Ok(most),
            };
        };
        let hosts = hosts.iter().map(one).collect::<Result<Vec<u32>, _>>()?;
        let sum = hosts.iter().map(|n| u64::from(*n)).sum::<u64>();
        if sum != u64::from(size) {
            return Err(wrong(format!("The copies in copies_per_host must be size ({size}) in all, and are {sum}.")));
        }
        Ok(hosts.into_iter().max().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(size: u32, min_size: u32, copies_per_host: impl Into<Value>) -> Result<bool, FunctionError> {
        Survives { size, min_size, copies_per_host: Raw(copies_per_host.into()) }.call()
    }

    #[test]
    fn what_is_left_decides() {
        for (size, min_size, most, survives) in
            [(5, 3, 2, true), (3, 2, 1, true), (3, 2, 2, false), (2, 2, 1, false), (4, 2, 2, true), (3, 1, 3, false)]
        {
            assert_eq!(asked(size, min_size, most), Ok(survives), "{size}/{min_size}, {most} on a host");
        }
        assert_eq!(asked(5, 3, Value::list([2, 2, 1])), Ok(true));
        assert_eq!(asked(5, 3, Value::list([3, 1, 1])), Ok(false));
    }

    #[test]
    fn what_makes_no_sense_names_the_argument() {
        for (asked, argument) in [
            (asked(2, 3, 1), "min_size"),
            (asked(2, 1, 3), "copies_per_host"),
            (asked(2, 1, 0), "copies_per_host"),
            (asked(5, 3, Value::list([2, 2])), "copies_per_host"),
            (asked(5, 3, "two"), "copies_per_host"),
            (asked(5, 3, Value::list(["a"])), "copies_per_host"),
        ] {
            assert_eq!(asked.unwrap_err().path().to_string(), argument);
        }
    }
}
