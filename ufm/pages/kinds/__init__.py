"""What can be shown, a file for each kind: how it is known on disk, and its sections.

A module of this folder has one or more of

* ``FOLDER``, the name of a file by which a folder is known, and ``of_folder(folder)``,
* ``VARIABLES``, names of variables by which a netCDF file is known, and ``of_data(data, source)``,
* ``KEYS``, by which a JSON object is known, and ``of_object(values, source)``;

the functions return sections, and raise KeyError, TypeError, ValueError or AttributeError for what is not as it was
written.
"""
