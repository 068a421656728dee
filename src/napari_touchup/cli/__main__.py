from napari_touchup.cli.app import main

main()
