//! Lists whose elements have no name but their position.

/// What becomes of an element on the way from one list to another. In the order of both lists joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// It stays.
    Keep,
    /// The element of the wanted list at this position comes.
    Insert(usize),
    /// It goes.
    Delete,
}

/// How to get from what is there to what is wanted: of what both have in common, in the same order, as much stays as can be.
/// `weight` tells how much an element of what is there counts, by its position.
pub fn edits<T: PartialEq>(is: &[T], want: &[T], weight: impl Fn(usize) -> usize) -> Vec<Edit> {
    // How much the rests have in common, from each pair of positions.
    let mut common = vec![vec![0_usize; want.len() + 1]; is.len() + 1];
    let kept = |common: &[Vec<usize>], i: usize, w: usize| {
        let same = i < is.len() && w < want.len() && is[i] == want[w];
        same.then(|| common[i + 1][w + 1] + weight(i))
    };
    for i in (0..is.len()).rev() {
        for w in (0..want.len()).rev() {
            let kept = kept(&common, i, w).unwrap_or_default();
            common[i][w] = kept.max(common[i + 1][w]).max(common[i][w + 1]);
        }
    }
    let (mut i, mut w, mut edits) = (0, 0, Vec::new());
    while i < is.len() || w < want.len() {
        if kept(&common, i, w) == Some(common[i][w]) {
            edits.push(Edit::Keep);
            (i, w) = (i + 1, w + 1);
        } else if w < want.len() && (i == is.len() || common[i][w + 1] == common[i][w]) {
            edits.push(Edit::Insert(w));
            w += 1;
        } else {
            edits.push(Edit::Delete);
            i += 1;
        }
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list that the edits make, and how many elements they leave alone.
    fn made(is: &str, want: &str) -> (String, usize) {
        let (is, want): (Vec<char>, Vec<char>) = (is.chars().collect(), want.chars().collect());
        let edits = edits(&is, &want, |_| 1);
        let mut rest = is.into_iter();
        let made = edits.iter().filter_map(|edit| match edit {
            Edit::Keep => rest.next(),
            Edit::Insert(at) => Some(want[*at]),
            Edit::Delete => rest.next().and(None),
        });
        (made.collect(), edits.iter().filter(|edit| **edit == Edit::Keep).count())
    }

    #[test]
    fn what_both_have_in_common_stays() {
        for (is, want, kept) in [
            ("", "abc", 0),
            ("abc", "", 0),
            ("abc", "abc", 3),
            ("abcd", "xbyd", 2),
            ("abc", "cab", 2),
            ("aab", "aba", 2),
        ] {
            assert_eq!(made(is, want), (want.to_owned(), kept), "{is} to {want}");
        }
    }

    #[test]
    fn what_counts_more_stays() {
        let keeps = |weight: fn(usize) -> usize| edits(&['b', 'a'], &['a', 'b'], weight)[0];
        assert_eq!([keeps(|at| at + 1), keeps(|at| 2 - at)], [Edit::Delete, Edit::Insert(0)]);
        assert_eq!(edits(&['a', 'a'], &['a'], |at| at + 1), [Edit::Delete, Edit::Keep]);
    }

    #[test]
    fn any_list_becomes_any_other() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..500 {
            let mut text =
                || (0..random.usize(..7)).map(|_| random.choice(['a', 'b', 'c']).unwrap()).collect::<String>();
            let (is, want) = (text(), text());
            assert_eq!(made(&is, &want).0, want, "{is} to {want}");
        }
    }
}
