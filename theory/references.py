"""The literature that docstrings and reports cite: ``REFERENCES[key]`` is one line of text."""

PAPER = "yan2024"
"""Key of the paper this toolkit is about; "the paper" in every docstring."""

REFERENCES: dict[str, str] = {
    PAPER: (
        "H. Yan, Y. Qian, F. Peng, J. Luo, Z. Zhu, F. Li. Neural Collapse To Multiple Centers For "
        "Imbalanced Data. Advances in Neural Information Processing Systems 37, 2024."
    ),
    "papyan2020": (
        "V. Papyan, X. Y. Han, D. L. Donoho. Prevalence of neural collapse during the terminal phase of deep "
        "learning training. Proceedings of the National Academy of Sciences 117(40), 2020."
    ),
    "huntington1928": (
        "E. V. Huntington. The apportionment of representatives in Congress. Transactions of the American "
        "Mathematical Society 30(1), 1928."
    ),
    "balinski1982": (
        "M. L. Balinski, H. P. Young. Fair Representation: Meeting the Ideal of One Man, One Vote. "
        "Yale University Press, 1982."
    ),
    "hairer1993": (
        "E. Hairer, S. P. Norsett, G. Wanner. Solving Ordinary Differential Equations I: Nonstiff Problems. "
        "Springer, 2nd edition, 1993."
    ),
}
